import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';

import type { Job } from '../api/client';
import { IWorkspace, Workspace } from '../model/workspace';
import { CommandIDs } from '../tokens';

/** Lab's own notification for each job that came to its end, whoever started it. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'nbprod:notices',
  description: 'Tells when a job has ended.',
  autoStart: true,
  requires: [IWorkspace],
  activate: (app: JupyterFrontEnd, workspace: Workspace) => {
    const { trans } = workspace;
    workspace.work.ended.connect((_, job) => {
      if (job.state === 'cancelled') {
        return;
      }
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
