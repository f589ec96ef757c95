import * as React from 'react';

import type { Finding, Stage } from '../../api/client';
import { StatusItem } from '../../widgets/StatusItem';
import { render } from '../render';
import { trans } from '../trans';

describe('the status item', () => {
  it('says findings, parity, health and jobs in words, and opens each', () => {
    const [onClick, onFindings] = [jest.fn(), jest.fn()];
    const parity = { state: 'done' } as Stage;
    const health = { state: 'failed' } as Stage;
    const findings = ['info', 'error', 'error'].map(severity => ({ severity }) as Finding);
    const props = { parity, health, findings, running: 2, onClick, onFindings, trans };
    const { host, press } = render(<StatusItem {...props} />);
    expect(host.textContent).toBe(
      '2 errors, 1 notenbprod parity: done · health: not passed · 2 jobs'
    );
    press('nbprod');
    expect(onClick).toHaveBeenCalled();
    press('2 errors, 1 note');
    expect(onFindings).toHaveBeenCalled();
  });

  it('says no more than is known', () => {
    const none = { parity: undefined, health: undefined, findings: [], running: 0 };
    const { host } = render(<StatusItem {...none} onClick={jest.fn()} onFindings={jest.fn()} trans={trans} />);
    expect(host.textContent).toBe('nbprod ');
  });
});
