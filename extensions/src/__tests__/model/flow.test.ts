import type { Inspection } from '../../api/client';
import { flowOf } from '../../model/flow';

const cell = (cell_id: string, role: string, defines: string[], uses: string[]): object => ({
  cell_id,
  role,
  kind: 'code',
  defines,
  uses,
  first_line: cell_id
});

describe('data flow', () => {
  it('has an arrow for all that one cell reads of another', () => {
    const inspection = {
      cells: [
        cell('a', 'data', ['x', 'y'], []),
        { cell_id: 'm', kind: 'markdown', role: '', defines: [], uses: [] },
        cell('b', 'fit', ['z'], ['x', 'y'])
      ],
      flow: { b: { y: 'a', x: 'a', gone: 'nowhere' }, a: { x: 'a' } }
    } as unknown as Inspection;
    const { nodes, edges } = flowOf(inspection);
    expect(nodes.map(node => node.cellId)).toEqual(['a', 'b']);
    expect(edges).toEqual([{ from: 0, to: 1, names: ['x', 'y'] }]);
  });
});
