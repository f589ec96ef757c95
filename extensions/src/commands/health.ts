import { InputDialog } from '@jupyterlab/apputils';
import { CommandRegistry } from '@lumino/commands';

import { Workspace } from '../model/workspace';
import { CommandIDs } from '../tokens';
import { tellError } from './run';

/** What the health board offers: acknowledging an alert, opening a window as a notebook. */
export function addHealthCommands(
  commands: CommandRegistry,
  workspace: Workspace,
  refresh: () => Promise<void>
): void {
  const { trans } = workspace;
  commands.addCommand(CommandIDs.acknowledge, {
    label: trans.__('Acknowledge alert…'),
    caption: trans.__('Say that somebody has seen the alert'),
    isEnabled: () => workspace.project !== null,
    describedBy: {
      args: {
        type: 'object',
        properties: { id: { type: 'string' }, note: { type: 'string' } },
        required: ['id']
      }
    },
    execute: async args => {
      const note = args.note ?? (await askNote(workspace));
      if (note === null || !workspace.project) {
        return;
      }
      try {
        const { path } = workspace.project;
        await workspace.client.acknowledgeAlert(String(args.id), path, String(note));
        await refresh();
      } catch (error) {
        tellError(workspace, error);
      }
    }
  });
  commands.addCommand(CommandIDs.openWindow, {
    label: trans.__('Open as notebook'),
    caption: trans.__("A notebook with the last judged window's predictions loaded"),
    isEnabled: () => workspace.project !== null,
    describedBy: {
      args: {
        type: 'object',
        properties: { start: { type: 'string' }, end: { type: 'string' } }
      }
    },
    execute: async args => {
      if (!workspace.project) {
        return;
      }
      try {
        const body = { start: textOf(args.start), end: textOf(args.end) };
        const made = await workspace.client.openWindow(workspace.project.path, body);
        await commands.execute('docmanager:open', { path: made.path });
      } catch (error) {
        tellError(workspace, error);
      }
    }
  });
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

async function askNote(workspace: Workspace): Promise<string | null> {
  const { trans } = workspace;
  const answer = await InputDialog.getText({
    title: trans.__('Acknowledge alert'),
    label: trans.__('What is done about it (may stay empty)'),
    okLabel: trans.__('Acknowledge')
  });
  return answer.button.accept ? (answer.value ?? '') : null;
}
