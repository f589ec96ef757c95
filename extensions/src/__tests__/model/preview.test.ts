import type { Preview, PreviewFile } from '../../api/client';
import { cellAt, placeOf } from '../../model/preview';

const file = {
  path: 'features.py',
  lines: [
    { line: 5, cell_id: 'a', cell_line: 2, count: 3 },
    { line: 10, cell_id: 'b', cell_line: 1, count: 1 }
  ]
} as PreviewFile;

describe('the way between module and notebook', () => {
  it('leads from a line to its cell, and from no other line', () => {
    expect(cellAt(file, 4)).toBeNull();
    expect(cellAt(file, 5)).toEqual({ cellId: 'a', line: 2 });
    expect(cellAt(file, 7)).toEqual({ cellId: 'a', line: 4 });
    expect(cellAt(file, 8)).toBeNull();
    expect(cellAt(file, 10)).toEqual({ cellId: 'b', line: 1 });
  });

  it('leads from a cell to its first line', () => {
    const preview = { files: [{ path: 'lib.py', lines: [] as object[] }, file] } as Preview;
    expect(placeOf(preview, 'b')).toEqual({ path: 'features.py', line: 10 });
    expect(placeOf(preview, 'c')).toBeNull();
  });
});
