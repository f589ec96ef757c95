import { Dialog, showDialog } from '@jupyterlab/apputils';
import { CommandRegistry } from '@lumino/commands';

import type { ProjectView } from '../api/client';
import { consequence, IDeployment, newestRelease, waysToDeploy } from '../model/verbs';
import { Workspace } from '../model/workspace';
import { CommandIDs } from '../tokens';
import { ChoiceForm } from '../widgets/choiceForm';
import { confirm, startJob } from './run';

type Action = 'promote' | 'rollback' | 'pause' | 'resume' | 'abort';

/** Deploying and every step of a rollout: each says first what will happen. */
export function addRolloutCommands(commands: CommandRegistry, workspace: Workspace): void {
  const { trans } = workspace;
  commands.addCommand(CommandIDs.deploy, {
    label: trans.__('Deploy…'),
    caption: trans.__('Put the newest release before callers'),
    isEnabled: () => workspace.project !== null && newestRelease(workspace.project) !== '',
    describedBy: { args: { type: 'object', properties: {} } },
    execute: async () => {
      const view = workspace.project;
      const way = view && (await chooseWay(workspace, view));
      if (view && way) {
        await deploy(workspace, view, way);
      }
    }
  });
  const steps: [string, Action, string][] = [
    [CommandIDs.promote, 'promote', trans.__('Promote')],
    [CommandIDs.rollback, 'rollback', trans.__('Roll back')],
    [CommandIDs.pause, 'pause', trans.__('Pause')],
    [CommandIDs.resume, 'resume', trans.__('Resume')],
    [CommandIDs.abort, 'abort', trans.__('Abort')]
  ];
  for (const [id, action, label] of steps) {
    addStep(commands, workspace, id, action, label);
  }
  commands.addCommand(CommandIDs.shadow, {
    label: trans.__('Compare shadow'),
    caption: trans.__("Compare the shadow's answers with those that callers got, row by row"),
    isEnabled: () => canDo(workspace, 'shadow'),
    describedBy: { args: { type: 'object', properties: {} } },
    execute: async () => {
      await startJob(workspace, (client, project) =>
        client.start('shadow-reports', project.path, { release: newestRelease(project) })
      );
    }
  });
  commands.addCommand(CommandIDs.undeploy, {
    label: trans.__('Undeploy…'),
    caption: trans.__('End the deployment'),
    isEnabled: () => canDo(workspace, 'undeploy'),
    describedBy: { args: { type: 'object', properties: {} } },
    execute: async () => {
      const view = workspace.project;
      if (view && (await confirmed(workspace, view, 'undeploy', trans.__('Undeploy')))) {
        await startJob(workspace, client => client.startUndeploy(view.name, view.path));
      }
    }
  });
}

function addStep(
  commands: CommandRegistry,
  workspace: Workspace,
  id: string,
  action: Action,
  label: string
): void {
  commands.addCommand(id, {
    label: `${label}…`,
    caption: () => (workspace.project ? consequence(action, workspace.project, workspace.trans) : ''),
    isEnabled: () => canDo(workspace, action),
    describedBy: { args: { type: 'object', properties: {} } },
    execute: async () => {
      const view = workspace.project;
      if (view && (await confirmed(workspace, view, action, label))) {
        await startJob(workspace, client => client.startRollout(view.name, view.path, { action }));
      }
    }
  });
}

function canDo(workspace: Workspace, action: string): boolean {
  return workspace.project?.verbs.includes(action) ?? false;
}

function confirmed(
  workspace: Workspace,
  view: ProjectView,
  action: string,
  label: string
): Promise<boolean> {
  const { trans } = workspace;
  const title = trans.__('%1: %2', view.name, label);
  return confirm(workspace, title, consequence(action, view, trans), label);
}

async function chooseWay(workspace: Workspace, view: ProjectView): Promise<IDeployment | null> {
  const { trans } = workspace;
  const ways = waysToDeploy(view, trans);
  if (ways.length === 1) {
    return ways[0];
  }
  const labels = ways.map(way => way.label);
  const answer = await showDialog({
    title: trans.__('Deploy release %1 of %2 as', newestRelease(view), view.name),
    body: new ChoiceForm(trans.__('How it meets its callers'), labels),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: trans.__('Continue') })
    ],
    focusNodeSelector: 'select'
  });
  return answer.button.accept ? (ways.find(way => way.label === answer.value) ?? null) : null;
}

async function deploy(workspace: Workspace, view: ProjectView, way: IDeployment): Promise<void> {
  const { trans } = workspace;
  const release = newestRelease(view);
  const title = trans.__('Deploy release %1 of %2', release, view.name);
  if (await confirm(workspace, title, way.consequence, trans.__('Deploy'))) {
    const body = { release, trial: way.trial };
    await startJob(workspace, client => client.start('deployments', view.path, body));
  }
}
