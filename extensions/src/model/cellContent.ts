import { INotebookModel } from '@jupyterlab/notebook';

import { CellContent } from '../api/client';
import { tagsOf } from './cellTags';

/** The notebook's cells as they are now, saved or not. */
export function contentOf(model: INotebookModel): CellContent[] {
  return Array.from(model.cells, cell => ({
    id: cell.id,
    cell_type: cell.type as CellContent['cell_type'],
    source: cell.sharedModel.getSource(),
    tags: tagsOf(cell),
    execution_count: executionCount(cell.sharedModel)
  }));
}

function executionCount(shared: object): number | null {
  const count = 'execution_count' in shared ? shared.execution_count : null;
  return typeof count === 'number' ? count : null;
}
