import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';

import { Workspace } from './workspace';

/** The open notebook that a view beside it is about: the current one, or the project's own. */
export function notebookInView(
  workspace: Workspace,
  tracker: INotebookTracker
): NotebookPanel | null {
  const path = workspace.project?.notebook;
  return tracker.find(panel => panel.context.path === path) ?? tracker.currentWidget;
}

/** The id of its active cell. */
export function activeCellId(panel: NotebookPanel | null): string | null {
  return panel?.content.activeCell?.model.id ?? null;
}
