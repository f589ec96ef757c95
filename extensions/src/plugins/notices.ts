import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';

import type { Job } from '../api/client';
import { CellNumbers, cellNumbers, jobWithNumbers } from '../model/cellNumbers';
import { IWorkspace, Workspace } from '../model/workspace';
import { CommandIDs } from '../tokens';

/** Lab's own notification for each job that came to its end, whoever started it. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'nbprod:notices',
  description: 'Tells when a job has ended.',
  autoStart: true,
  requires: [IWorkspace],
  optional: [INotebookTracker],
  activate: (app: JupyterFrontEnd, workspace: Workspace, tracker: INotebookTracker | null) => {
    const { trans } = workspace;
    workspace.work.ended.connect((_, ended) => {
      if (ended.state === 'cancelled') {
        return;
      }
      const job = jobWithNumbers(ended, numbersIn(tracker));
      const name = job.command.join(' ');
      if (job.error) {
        const text = [job.error.detail, job.error.hint].filter(Boolean).join('\n');
        Notification.error(trans.__('%1 failed: %2', name, text), {
          autoClose: 10_000,
          actions: actionsOf(app, workspace, job)
        });
      } else if (job.passed === false) {
        Notification.warning(trans.__('%1: not passed', name), {
          autoClose: 10_000,
          actions: actionsOf(app, workspace, job)
        });
      } else {
        Notification.success(trans.__('%1: done', name), {
          autoClose: 4000,
          actions: actionsOf(app, workspace, job)
        });
      }
    });
  }
};

/** The numbers of the cells of every open notebook; their ids are unique. */
function numbersIn(tracker: INotebookTracker | null): CellNumbers {
  const numbers = new Map<string, number>();
  tracker?.forEach(panel => {
    if (panel.content.model) {
      cellNumbers(panel.content.model).forEach((number, id) => numbers.set(id, number));
    }
  });
  return numbers;
}

function actionsOf(app: JupyterFrontEnd, workspace: Workspace, job: Job): Notification.IAction[] {
  const { trans } = workspace;
  const road = {
    label: trans.__('Show the road'),
    callback: () => void app.commands.execute(CommandIDs.openRoad)
  };
  if (!job.report) {
    return [road];
  }
  const args = { path: job.report, project: job.project, title: job.verb };
  const report = {
    label: trans.__('Open report'),
    callback: () => void app.commands.execute(CommandIDs.openReport, args)
  };
  return [report, road];
}

export default plugin;
