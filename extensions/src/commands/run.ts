import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';

import { Client, Job, ProjectView } from '../api/client';
import { RequestError } from '../api/request';
import { noticeOf } from '../model/trouble';
import { Workspace } from '../model/workspace';

/** Start a verb of the current project as a job; what keeps it from starting is told. */
export async function startJob(
  workspace: Workspace,
  begin: (client: Client, project: ProjectView) => Promise<Job>
): Promise<Job | null> {
  const project = workspace.project;
  if (!project) {
    tell(workspace.where.notice ?? { message: workspace.trans.__('No project is open.'), hint: '' });
    return null;
  }
  try {
    return await workspace.work.start(client => begin(client, project));
  } catch (error) {
    tellError(workspace, error);
    return null;
  }
}

/** End a job with all it started; what keeps it from ending is told. */
export async function cancelJob(workspace: Workspace, job: Job): Promise<void> {
  try {
    await workspace.work.cancel(job.id);
  } catch (error) {
    tellError(workspace, error);
  }
}

/** Save the project's notebook where it is open and changed: the server reads it from the disk. */
export async function saveNotebook(
  workspace: Workspace,
  tracker: INotebookTracker
): Promise<boolean> {
  const path = workspace.project?.notebook;
  const panel = tracker.find(item => item.context.path === path);
  if (!panel?.context.model.dirty) {
    return true;
  }
  await panel.context.save();
  // Lab tells a failed save itself, and leaves the notebook dirty.
  return !panel.context.model.dirty;
}

/** Ask before something that others will notice; the button says what it does. */
export async function confirm(
  workspace: Workspace,
  title: string,
  body: string,
  label: string
): Promise<boolean> {
  const { trans } = workspace;
  const result = await showDialog({
    title,
    body,
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.warnButton({ label })
    ],
    defaultButton: 0
  });
  return result.button.accept;
}

/** Show an error with its next step. */
export function tellError(workspace: Workspace, error: unknown): void {
  const notice = noticeOf(error, workspace.trans);
  const faults = error instanceof RequestError ? (error.problem?.errors ?? []) : [];
  const more = faults.map(fault => `${String(fault.place)}: ${String(fault.message)}`).join('\n');
  tell({ ...notice, hint: [notice.hint, more].filter(Boolean).join('\n') });
}

function tell(notice: { message: string; hint: string }): void {
  Notification.error([notice.message, notice.hint].filter(Boolean).join('\n'), {
    autoClose: 10_000
  });
}
