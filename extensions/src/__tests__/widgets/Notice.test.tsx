import * as React from 'react';

import { Notice } from '../../widgets/Notice';
import { render } from '../render';

describe('a notice', () => {
  it('is read out, says the next step, and offers it', () => {
    const onClick = jest.fn();
    const action = { label: 'Try again', onClick };
    const { host, press } = render(<Notice message="<b>cut</b>" hint="wait" action={action} />);
    expect(host.querySelector('[role="status"]')?.textContent).toBe('<b>cut</b>waitTry again');
    press('Try again');
    expect(onClick).toHaveBeenCalledTimes(1);
  });

  it('is no more than its message where there is no step', () => {
    const { host } = render(<Notice message="none" hint="" />);
    expect(host.querySelectorAll('p').length).toBe(1);
    expect(host.querySelector('button')).toBeNull();
  });
});
