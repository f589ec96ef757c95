import * as React from 'react';

import type { Stage } from '../../api/client';
import { StatusItem } from '../../widgets/StatusItem';
import { render } from '../render';
import { trans } from '../trans';

describe('the status item', () => {
  it('says parity, health and jobs in words, and opens the road', () => {
    const onClick = jest.fn();
    const parity = { state: 'done' } as Stage;
    const health = { state: 'failed' } as Stage;
    const { host, press } = render(<StatusItem {...{ parity, health, running: 2, onClick, trans }} />);
    expect(host.textContent).toBe('nbprod parity: done · health: not passed · 2 jobs');
    press('nbprod');
    expect(onClick).toHaveBeenCalled();
  });

  it('says no more than is known', () => {
    const none = { parity: undefined, health: undefined, running: 0 };
    const { host } = render(<StatusItem {...none} onClick={jest.fn()} trans={trans} />);
    expect(host.textContent).toBe('nbprod ');
  });
});
