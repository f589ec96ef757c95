import { drawBadge, drawCount } from '../../widgets/badge';

const badge = { role: 'lib', step: 'shared', description: 'Role lib: for all' };

describe('a badge', () => {
  it('is a labelled button, drawn once', () => {
    const header = document.createElement('div');
    const onPick = jest.fn();
    drawBadge(header, badge, onPick);
    drawBadge(header, { ...badge, role: '<i>x</i>' }, onPick);
    const buttons = header.querySelectorAll('button');
    expect(buttons.length).toBe(1);
    expect(buttons[0].textContent).toBe('<i>x</i>');
    expect(buttons[0].getAttribute('aria-label')).toBe('Role lib: for all');
    buttons[0].click();
    expect(onPick).toHaveBeenCalledTimes(1);
  });

  it('leaves nothing behind, and the count stands on its own', () => {
    const header = document.createElement('div');
    drawBadge(header, badge, jest.fn());
    drawCount(header, { text: '1 × error', severity: 'error', description: 'd' }, jest.fn());
    drawBadge(header, null, jest.fn());
    expect(header.textContent).toBe('1 × error');
    expect(header.className).toContain('jp-nbprod-header');
    drawCount(header, null, jest.fn());
    expect(header.childElementCount).toBe(0);
    expect(header.className).not.toContain('jp-nbprod-header');
  });
});
