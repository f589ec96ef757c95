import { DecisionForm } from '../../widgets/decisionForm';
import { trans } from '../trans';

describe('the form of a decision', () => {
  it('gives reason and name without what stands around them; each field has its label', () => {
    const form = new DecisionForm(trans);
    const [reason, by] = Array.from(form.node.querySelectorAll('input'));
    expect(form.getValue()).toEqual({ reason: '', by: '' });
    reason.value = ' looked at the samples ';
    by.value = 'ana@example.com ';
    expect(form.getValue()).toEqual({ reason: 'looked at the samples', by: 'ana@example.com' });
    expect([reason.required, by.required]).toEqual([true, false]);
    expect(reason.labels?.[0].textContent).toContain('The reason');
    expect(by.labels?.[0].textContent).toContain('Your name');
  });
});
