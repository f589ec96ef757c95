import { YNotebook } from '@jupyter/ydoc';

import { cellRole, setRole, setRoles, tagsOf } from '../../model/cellTags';

/** A notebook on the real shared model, as Lab's own models stand on it. */
function notebook(tags: unknown[]): { content: any; model: any } {
  const sharedModel = new YNotebook({ disableDocumentWideUndoRedo: true });
  sharedModel.insertCells(
    0,
    tags.map((given, index) => ({
      cell_type: 'code' as const,
      source: `x = ${index}`,
      metadata: given === undefined ? {} : { tags: given as string[] }
    }))
  );
  sharedModel.clearUndoHistory();
  const cells = sharedModel.cells.map(cell => ({
    id: cell.id,
    sharedModel: cell,
    getMetadata: (key: string) => cell.getMetadata(key)
  }));
  const model = { sharedModel, cells, readOnly: false };
  return { content: { model }, model };
}

describe('cell tags', () => {
  it('are the text among what the metadata holds', () => {
    const { model } = notebook([['a', 3, null, 'nbprod:lib'], 'nbprod:lib', undefined]);
    expect(tagsOf(model.cells[0])).toEqual(['a', 'nbprod:lib']);
    expect(tagsOf(model.cells[1])).toEqual([]);
    expect(tagsOf(model.cells[2])).toEqual([]);
  });

  it('change for several cells in one step, which one undo takes back', () => {
    const { content, model } = notebook([['mine'], undefined, ['nbprod:fit']]);
    setRole(content, model.cells, 'features');
    expect(model.cells.map(cellRole)).toEqual(['features', 'features', 'features']);
    expect(tagsOf(model.cells[0])).toEqual(['mine', 'nbprod:features']);
    model.sharedModel.undo();
    expect(model.cells.map(cellRole)).toEqual(['', '', 'fit']);
    expect(tagsOf(model.cells[0])).toEqual(['mine']);
  });

  it('leave no empty list behind', () => {
    const { content, model } = notebook([['nbprod:lib']]);
    setRole(content, model.cells, '');
    expect(model.cells[0].getMetadata('tags')).toBeUndefined();
  });

  it('are written to the cells that are named, and to no other', () => {
    const { content, model } = notebook([undefined, undefined]);
    setRoles(content, [
      { cell_id: model.cells[1].id, role: 'lib' },
      { cell_id: 'gone', role: 'data' }
    ]);
    expect(model.cells.map(cellRole)).toEqual(['', 'lib']);
  });

  it('stay as they are in a notebook that is read-only', () => {
    const { content, model } = notebook([undefined]);
    model.readOnly = true;
    setRole(content, model.cells, 'lib');
    expect(cellRole(model.cells[0])).toBe('');
  });
});
