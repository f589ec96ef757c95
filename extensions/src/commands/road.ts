import { Dialog, showDialog } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { CommandRegistry } from '@lumino/commands';

import type { RecordSummary } from '../api/client';
import { stageOf } from '../model/verbs';
import { Workspace } from '../model/workspace';
import { CommandIDs } from '../tokens';
import { DecisionForm, IDecision } from '../widgets/decisionForm';
import { saveNotebook, startJob } from './run';

interface IVerb {
  id: string;
  label: string;
  caption: string;
  collection: string;
  /** Whether it reads the notebook, which is saved before. */
  readsNotebook?: boolean;
  body?: () => object;
}

/** The verbs from the notebook to the release: each starts a job. */
export function addRoadCommands(
  commands: CommandRegistry,
  workspace: Workspace,
  tracker: INotebookTracker
): void {
  const { trans } = workspace;
  const verbs: IVerb[] = [
    {
      id: CommandIDs.extract,
      label: trans.__('Extract'),
      caption: trans.__('Write the notebook as an importable module'),
      collection: 'extractions',
      readsNotebook: true
    },
    {
      id: CommandIDs.sync,
      label: trans.__('Sync'),
      caption: trans.__("Bring hand edits of the module back into the notebook's cells"),
      collection: 'syncs',
      readsNotebook: true
    },
    {
      id: CommandIDs.contract,
      label: trans.__('Infer contract'),
      caption: trans.__('Infer the data contract from the data, or read the one that was edited'),
      collection: 'contracts',
      body: () => ({ show: contractIsEdited(workspace) })
    },
    {
      id: CommandIDs.parity,
      label: trans.__('Check parity'),
      caption: trans.__('Send the same rows through the train path and the serve path'),
      collection: 'parity-reports',
      readsNotebook: true
    },
    {
      id: CommandIDs.train,
      label: trans.__('Train'),
      caption: trans.__('Train with the module in a fresh process, and name the candidate'),
      collection: 'runs',
      readsNotebook: true
    },
    {
      id: CommandIDs.gate,
      label: trans.__('Run gate'),
      caption: trans.__('Judge the newest candidate by the validation notebooks'),
      collection: 'gate-results'
    },
    {
      id: CommandIDs.release,
      label: trans.__('Release'),
      caption: trans.__('Freeze the newest candidate with its evidence'),
      collection: 'releases'
    },
    {
      id: CommandIDs.monitor,
      label: trans.__('Assess health'),
      caption: trans.__('Judge the last window of predictions'),
      collection: 'health'
    }
  ];
  for (const verb of verbs) {
    addVerb(commands, workspace, tracker, verb);
  }
  addDecision(commands, workspace, CommandIDs.approve, true);
  addDecision(commands, workspace, CommandIDs.reject, false);
}

function addVerb(
  commands: CommandRegistry,
  workspace: Workspace,
  tracker: INotebookTracker,
  verb: IVerb
): void {
  commands.addCommand(verb.id, {
    label: verb.label,
    caption: verb.caption,
    isEnabled: () => workspace.project !== null,
    describedBy: { args: { type: 'object', properties: {} } },
    execute: async () => {
      if (!verb.readsNotebook || (await saveNotebook(workspace, tracker))) {
        await startJob(workspace, (client, project) =>
          client.start(verb.collection, project.path, verb.body?.() ?? {})
        );
      }
    }
  });
}

function addDecision(
  commands: CommandRegistry,
  workspace: Workspace,
  id: string,
  approved: boolean
): void {
  const { trans } = workspace;
  const label = approved ? trans.__('Approve…') : trans.__('Reject…');
  const candidate = (): RecordSummary | null =>
    (workspace.project && stageOf(workspace.project, 'train')?.record) ?? null;
  commands.addCommand(id, {
    label,
    caption: approved
      ? trans.__('Say yes to the newest candidate, with the reason')
      : trans.__('Say no to the newest candidate, with the reason'),
    isEnabled: () => candidate() !== null,
    describedBy: {
      args: {
        type: 'object',
        properties: { reason: { type: 'string' }, by: { type: 'string' } }
      }
    },
    execute: async args => {
      const title = approved
        ? trans.__('Approve %1', candidate()?.summary ?? '')
        : trans.__('Reject %1', candidate()?.summary ?? '');
      const given = { reason: String(args.reason ?? ''), by: String(args.by ?? '') };
      const decision = given.reason ? given : await askDecision(workspace, title, label);
      if (decision) {
        await startJob(workspace, (client, project) =>
          client.start('approvals', project.path, { approved, ...decision })
        );
      }
    }
  });
}

async function askDecision(
  workspace: Workspace,
  title: string,
  label: string
): Promise<IDecision | null> {
  const { trans } = workspace;
  const answer = await showDialog({
    title,
    body: new DecisionForm(trans),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: label.replace('…', '') })
    ],
    focusNodeSelector: 'input'
  });
  return answer.button.accept ? answer.value : null;
}

function contractIsEdited(workspace: Workspace): boolean {
  const stage = workspace.project && stageOf(workspace.project, 'contract');
  return stage?.verb === 'contract show';
}
