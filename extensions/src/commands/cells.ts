import { JupyterFrontEnd } from '@jupyterlab/application';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';

import type { Finding, QuickFix } from '../api/client';
import { setRoles } from '../model/cellTags';
import { Workspace } from '../model/workspace';
import { CommandIDs } from '../tokens';
import { drawCell } from '../widgets/drawnCell';
import { tellError } from './run';

/** Going to a cell, from finding to finding, and mending what can be mended at one press. */
export function addCellCommands(
  app: JupyterFrontEnd,
  workspace: Workspace,
  tracker: INotebookTracker
): void {
  const { commands } = app;
  const { trans } = workspace;
  const findings = (): readonly Finding[] => {
    const panel = tracker.currentWidget;
    return (panel && workspace.inspectionOf(panel)?.findings) ?? [];
  };

  commands.addCommand(CommandIDs.showCell, {
    label: trans.__('Show the cell'),
    describedBy: {
      args: {
        type: 'object',
        properties: { cellId: { type: 'string' }, line: { type: ['number', 'null'] } },
        required: ['cellId']
      }
    },
    execute: async args => {
      const panel = await notebookOf(app, workspace, tracker, String(args.cellId));
      if (panel) {
        app.shell.activateById(panel.id);
        await goTo(panel, String(args.cellId), typeof args.line === 'number' ? args.line : null);
      }
    }
  });

  commands.addCommand(CommandIDs.nextFinding, {
    label: trans.__('Go to the next finding'),
    caption: trans.__('Go to the next cell and line of which nbprod has something to say'),
    isEnabled: () => findings().some(finding => finding.cell_id),
    describedBy: { args: { type: 'object', properties: {} } },
    execute: async () => {
      const panel = tracker.currentWidget;
      const next = panel && nextFinding(panel, findings());
      if (panel && next?.cell_id) {
        await goTo(panel, next.cell_id, next.line ?? 1);
      }
    }
  });

  commands.addCommand(CommandIDs.fixFinding, {
    label: args => String(args.title ?? '') || trans.__('Fix the finding at the cursor'),
    caption: trans.__('Give cells the roles that mend the finding; one undo takes it back'),
    isEnabled: () => tracker.currentWidget !== null,
    describedBy: {
      args: { type: 'object', properties: { changes: { type: 'array' } } }
    },
    execute: args => {
      const panel = tracker.currentWidget;
      if (!panel) {
        return;
      }
      const given = args.changes as unknown as QuickFix['changes'] | undefined;
      setRoles(panel.content, given ?? fixAtCursor(workspace, panel)?.changes ?? []);
    }
  });

  commands.addCommand(CommandIDs.proposeRoles, {
    label: trans.__('Propose roles for the cells without one'),
    caption: trans.__('Tag each cell with the role that its code looks like; one undo takes it back'),
    isEnabled: () => tracker.currentWidget !== null && workspace.connection.isReady,
    describedBy: { args: { type: 'object', properties: {} } },
    execute: async () => {
      const panel = tracker.currentWidget;
      const inspection = panel && workspace.inspectionOf(panel);
      if (panel && inspection) {
        try {
          setRoles(panel.content, await inspection.propose());
        } catch (error) {
          tellError(workspace, error);
        }
      }
    }
  });
}

/** The open notebook that has the cell; the project's own is opened where it is closed. */
async function notebookOf(
  app: JupyterFrontEnd,
  workspace: Workspace,
  tracker: INotebookTracker,
  cellId: string
): Promise<NotebookPanel | null> {
  const has = (panel: NotebookPanel): boolean =>
    panel.content.widgets.some(cell => cell.model.id === cellId);
  const current = tracker.currentWidget;
  const found = current && has(current) ? current : tracker.find(has);
  const path = workspace.project?.notebook;
  if (found || !path) {
    return found ?? null;
  }
  const opened = (await app.commands.execute('docmanager:open', { path })) as NotebookPanel;
  await opened?.context?.ready;
  return opened ?? null;
}

async function goTo(panel: NotebookPanel, cellId: string, line: number | null): Promise<void> {
  const notebook = panel.content;
  const index = notebook.widgets.findIndex(item => item.model.id === cellId);
  if (index < 0) {
    return;
  }
  const cell = notebook.widgets[index];
  await drawCell(notebook, index);
  notebook.deselectAll();
  notebook.activeCellIndex = index;
  await notebook.scrollToCell(cell);
  await cell.ready;
  if (line !== null && cell.editor) {
    notebook.mode = 'edit';
    cell.editor.setCursorPosition({ line: line - 1, column: 0 });
    cell.editor.focus();
  } else {
    notebook.mode = 'command';
    notebook.activate();
  }
}

/** The first finding behind the cursor; after the last one, the first. */
function nextFinding(panel: NotebookPanel, findings: readonly Finding[]): Finding | null {
  const notebook = panel.content;
  const order = new Map(notebook.widgets.map((cell, index) => [cell.model.id, index]));
  const placed = findings
    .filter(finding => finding.cell_id && order.has(finding.cell_id))
    .map(finding => ({ finding, at: [order.get(finding.cell_id!)!, finding.line ?? 1] }))
    .sort((a, b) => a.at[0] - b.at[0] || a.at[1] - b.at[1]);
  const cursor = notebook.activeCell?.editor?.getCursorPosition();
  const here = [notebook.activeCellIndex, notebook.mode === 'edit' ? (cursor?.line ?? 0) + 1 : 0];
  const behind = placed.find(
    ({ at }) => at[0] > here[0] || (at[0] === here[0] && at[1] > here[1])
  );
  return (behind ?? placed[0])?.finding ?? null;
}

function fixAtCursor(workspace: Workspace, panel: NotebookPanel): QuickFix | null {
  const inspection = workspace.inspectionOf(panel);
  const cell = panel.content.activeCell;
  if (!inspection || !cell) {
    return null;
  }
  const line = (cell.editor?.getCursorPosition().line ?? 0) + 1;
  const here = inspection.findings.filter(finding => finding.cell_id === cell.model.id);
  here.sort((a, b) => Number(b.line === line) - Number(a.line === line));
  return here.flatMap(finding => inspection.fixesOf(finding))[0] ?? null;
}

