import { Cell, ICellModel } from '@jupyterlab/cells';
import { Notebook } from '@jupyterlab/notebook';

import { roleOf, withRole } from './roles';

/** A cell's tags, as its own metadata has them; what is no text there is not a tag. */
export function tagsOf(model: ICellModel): string[] {
  const tags = model.getMetadata('tags') as unknown;
  return Array.isArray(tags) ? tags.filter(tag => typeof tag === 'string') : [];
}

/** The role of a cell, "" where it has none. */
export function cellRole(model: ICellModel): string {
  return roleOf(tagsOf(model));
}

/**
 * Give cells a role ("" removes it), in one step that one undo takes back.
 *
 * Only the shared model is touched, so other editors of the notebook see it as any change.
 */
export function setRole(notebook: Notebook, cells: readonly ICellModel[], role: string): void {
  const shared = notebook.model?.sharedModel;
  if (!shared || notebook.model?.readOnly) {
    return;
  }
  shared.transact(() => cells.forEach(model => writeRole(model, role)));
}

/** Give each named cell its role, in one step; cells that are no longer there are passed over. */
export function setRoles(
  notebook: Notebook,
  changes: readonly { cell_id: string; role: string }[]
): void {
  const shared = notebook.model?.sharedModel;
  if (!shared || notebook.model?.readOnly) {
    return;
  }
  const models = new Map(Array.from(notebook.model?.cells ?? [], model => [model.id, model]));
  shared.transact(() => {
    for (const { cell_id, role } of changes) {
      const model = models.get(cell_id);
      if (model) {
        writeRole(model, role);
      }
    }
  });
}

function writeRole(model: ICellModel, role: string): void {
  const tags = withRole(tagsOf(model), role);
  if (tags.length) {
    model.sharedModel.setMetadata('tags', tags);
  } else {
    model.sharedModel.deleteMetadata('tags');
  }
}

/** The cells that a command means: the selected ones, the active one among them. */
export function chosenCells(notebook: Notebook): Cell[] {
  return notebook.widgets.filter(cell => notebook.isSelectedOrActive(cell));
}
