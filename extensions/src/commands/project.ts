import { InputDialog } from '@jupyterlab/apputils';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { CommandRegistry } from '@lumino/commands';

import { setRoles } from '../model/cellTags';
import { Workspace } from '../model/workspace';
import { CommandIDs } from '../tokens';
import { tellError } from './run';

/** Making a project around the open notebook, and looking at it anew. */
export function addProjectCommands(
  commands: CommandRegistry,
  workspace: Workspace,
  tracker: INotebookTracker
): void {
  const { trans } = workspace;
  commands.addCommand(CommandIDs.refresh, {
    label: trans.__('Look at the project again'),
    isEnabled: () => workspace.where.path !== null,
    describedBy: { args: { type: 'object', properties: {} } },
    execute: async () => {
      await workspace.connection.check();
      await workspace.refresh();
    }
  });
  commands.addCommand(CommandIDs.createProject, {
    label: trans.__('Create a project from this notebook…'),
    caption: trans.__('Write nbprod.toml beside the notebook and propose a role for each cell'),
    isEnabled: () => tracker.currentWidget !== null && workspace.project === null,
    describedBy: {
      args: { type: 'object', properties: { owner: { type: 'string' } } }
    },
    execute: async args => {
      const panel = tracker.currentWidget;
      const owner = panel && (args.owner ?? (await askOwner(workspace)));
      if (panel && owner) {
        await create(workspace, panel, String(owner));
      }
    }
  });
}

async function askOwner(workspace: Workspace): Promise<string | null> {
  const { trans } = workspace;
  const answer = await InputDialog.getText({
    title: trans.__('Create a project from this notebook'),
    label: trans.__('Who is told when its model is unwell (an e-mail address)'),
    placeholder: 'ops-oncall@example.com',
    okLabel: trans.__('Create'),
    required: true
  });
  return answer.button.accept ? (answer.value?.trim() ?? null) : null;
}

async function create(workspace: Workspace, panel: NotebookPanel, owner: string): Promise<void> {
  try {
    if (panel.context.model.dirty) {
      await panel.context.save();
    }
    const made = await workspace.client.createProject({ notebook: panel.context.path, owner });
    setRoles(panel.content, made.proposals);
    await workspace.refresh();
  } catch (error) {
    tellError(workspace, error);
  }
}
