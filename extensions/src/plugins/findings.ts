import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';

import { setRoles } from '../model/cellTags';
import { IWorkspace, Workspace } from '../model/workspace';
import { CommandIDs } from '../tokens';
import { NotebookFindings } from '../widgets/notebookFindings';

/** What nbprod finds while a notebook is edited, at the lines it is about. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'nbprod:findings',
  description: 'Shows findings in the editor as a linter does, with their quick fixes.',
  autoStart: true,
  requires: [IWorkspace, INotebookTracker],
  activate: (app: JupyterFrontEnd, workspace: Workspace, tracker: INotebookTracker) => {
    const watch = async (panel: NotebookPanel): Promise<void> => {
      await panel.context.ready;
      const inspection = panel.isDisposed ? null : workspace.inspectionOf(panel);
      if (!inspection) {
        return;
      }
      const findings = new NotebookFindings(panel.content, inspection, workspace.trans, {
        fix: fix => setRoles(panel.content, fix.changes),
        open: (cell, line) =>
          void app.commands.execute(CommandIDs.showCell, { cellId: cell.model.id, line })
      });
      panel.disposed.connect(() => findings.dispose());
    };
    tracker.widgetAdded.connect((_, panel) => void watch(panel));
    tracker.forEach(panel => void watch(panel));
  }
};

export default plugin;
