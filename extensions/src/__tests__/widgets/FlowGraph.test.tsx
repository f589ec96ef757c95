import * as React from 'react';

import type { Inspection } from '../../api/client';
import { FlowGraph } from '../../widgets/FlowGraph';
import { render } from '../render';
import { trans } from '../trans';

const cell = (cell_id: string, role: string): object => ({
  cell_id,
  role,
  kind: 'code',
  defines: [cell_id],
  uses: [],
  first_line: `${cell_id} = 1`
});
const inspection = {
  cells: [cell('rate', 'lib'), cell('frame', 'data'), cell('loose', '')],
  flow: { frame: { rate: 'rate' } }
} as unknown as Inspection;

describe('the data flow', () => {
  it('is told in words, and leads to a cell', () => {
    const onPlace = jest.fn();
    const { host, press } = render(
      <FlowGraph inspection={inspection} cellId="frame" onPlace={onPlace} trans={trans} />
    );
    const labels = Array.from(host.querySelectorAll('button'), item =>
      item.getAttribute('aria-label')
    );
    expect(labels).toEqual([
      'Role lib · rate = 1 · gives rate',
      'Role data · frame = 1 · reads rate',
      'no role · loose = 1'
    ]);
    expect(host.querySelectorAll('path[data-active="true"]').length).toBe(1);
    press('Role lib');
    expect(onPlace).toHaveBeenCalledWith('rate');
  });

  it('is one stop of the Tab key, in which arrow keys move', () => {
    const { host } = render(
      <FlowGraph inspection={inspection} cellId="frame" onPlace={jest.fn()} trans={trans} />
    );
    const buttons = Array.from(host.querySelectorAll('button'));
    expect(buttons.map(button => button.tabIndex)).toEqual([-1, 0, -1]);
    const focusedAfter = (key: string): number => {
      const init = { key, bubbles: true, cancelable: true };
      document.activeElement!.dispatchEvent(new KeyboardEvent('keydown', init));
      return buttons.indexOf(document.activeElement as HTMLButtonElement);
    };
    buttons[1].focus();
    const keys = ['ArrowDown', 'ArrowDown', 'Home', 'ArrowUp', 'End', 'ArrowUp', 'x'];
    expect(keys.map(focusedAfter)).toEqual([2, 2, 0, 0, 2, 1, 1]);
  });
});
