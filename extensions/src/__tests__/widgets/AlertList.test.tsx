import * as React from 'react';

import type { ShownAlert } from '../../api/client';
import { AlertList } from '../../widgets/AlertList';
import { render } from '../render';
import { trans } from '../trans';

const alert = (id: string, acknowledged: object | null): ShownAlert =>
  ({
    health_id: 'h',
    acknowledged,
    alert: { id, at: 'now', code: 'NBM001', message: `drift ${id}`, owner: 'o@x', sent_to: [] }
  }) as unknown as ShownAlert;

describe('alerts', () => {
  it('are acknowledged once; then they say by whom', () => {
    const onAcknowledge = jest.fn();
    const open = alert('1', null);
    const { host, press } = render(
      <AlertList
        alerts={[open, alert('2', { by: 'ana', note: 'looking' })]}
        onAcknowledge={onAcknowledge}
        trans={trans}
      />
    );
    expect(host.querySelectorAll('button').length).toBe(1);
    expect(host.textContent).toContain('seen by ana looking');
    press('Acknowledge: drift 1');
    expect(onAcknowledge).toHaveBeenCalledWith(open);
  });
});
