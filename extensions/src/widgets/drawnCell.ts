import { Notebook } from '@jupyterlab/notebook';
import { PanelLayout } from '@lumino/widgets';

/**
 * Have a cell drawn now.
 *
 * Lab draws the cells of a long notebook from the first to the last, in the time that is left: the
 * last of 2,000 comes minutes later. Its own way to draw one is taken for this one alone.
 */
export async function drawCell(notebook: Notebook, index: number): Promise<void> {
  const cell = notebook.widgets[index];
  const isDrawnInTurn = ['defer', 'contentVisibility'].includes(
    notebook.notebookConfig.windowingMode
  );
  if (isDrawnInTurn && cell.isPlaceholder()) {
    cell.dataset.windowedListIndex = `${index}`;
    (notebook.layout as PanelLayout).insertWidget(index, cell);
    await cell.ready;
  }
}
