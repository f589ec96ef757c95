import { ChoiceForm } from '../../widgets/choiceForm';

describe('the form of a choice', () => {
  it('gives the chosen item, the first one before; its list has a label', () => {
    const form = new ChoiceForm('How it is deployed', ['canary', '<b>shadow</b>']);
    const select = form.node.querySelector('select')!;
    expect(form.getValue()).toBe('canary');
    select.selectedIndex = 1;
    expect(form.getValue()).toBe('<b>shadow</b>');
    expect(form.node.querySelector('b')).toBeNull();
    expect(select.labels?.[0].textContent).toContain('How it is deployed');
  });
});
