import * as React from 'react';
import { act } from 'react-dom/test-utils';

import type { Preview } from '../../api/client';
import { ModulePreview } from '../../widgets/ModulePreview';
import { render } from '../render';
import { trans } from '../trans';

const preview = {
  files: [
    { path: 'lib.py', text: '# made\nx = "<b>1</b>"', lines: [{ line: 2, cell_id: 'a', cell_line: 1, count: 1 }], changed: false, edited: false },
    { path: 'features.py', text: 'y = 2', lines: [{ line: 1, cell_id: 'b', cell_line: 4, count: 1 }], changed: true, edited: false }
  ],
  diff: '--- a\n+++ b\n-x = 0\n+x = 1',
  findings: []
} as unknown as Preview;

describe('the module preview', () => {
  const draw = (cellId: string | null, onPlace = jest.fn()) => ({
    onPlace,
    ...render(
      <ModulePreview preview={preview} notice={null} cellId={cellId} onPlace={onPlace} trans={trans} />
    )
  });

  it('leads from a line to its cell, and shows text as text', () => {
    const { host, press, onPlace } = draw(null);
    expect(host.querySelector('b')).toBeNull();
    press('x = "<b>1</b>"');
    expect(onPlace).toHaveBeenCalledWith('a', 1);
  });

  it('shows the file of the active cell and marks its lines', () => {
    const { host } = draw('b');
    expect(host.querySelector('select')?.value).toBe('features.py');
    expect(host.querySelector('[data-active="true"]')?.textContent).toContain('y = 2');
    expect(host.textContent).toContain('features.py (differs)');
  });

  it('shows what would change, with signs', () => {
    const { host } = draw(null);
    const select = host.querySelector('select')!;
    act(() => {
      select.selectedIndex = 2;
      select.dispatchEvent(new Event('change', { bubbles: true }));
    });
    expect(host.querySelector('[data-change="added"]')?.textContent).toBe('+x = 1');
    expect(host.querySelector('[data-change="removed"]')?.textContent).toBe('-x = 0');
  });

  it('says why there is no module, and leads to the cell', () => {
    const broken = {
      files: [],
      diff: '',
      findings: [
        { code: 'NBX023', severity: 'error', message: 'no', hint: 'tag it', cell_id: 'c', line: 3 }
      ]
    } as unknown as Preview;
    const onPlace = jest.fn();
    const { host, press } = render(
      <ModulePreview preview={broken} notice={null} cellId={null} onPlace={onPlace} trans={trans} />
    );
    expect(host.textContent).toContain('NBX023 no');
    press('Show the cell');
    expect(onPlace).toHaveBeenCalledWith('c', 3);
  });
});
