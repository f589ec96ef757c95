import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import * as React from 'react';

import { activeCellId, notebookInView } from '../model/currentCell';
import { IWorkspace, Workspace } from '../model/workspace';
import { addView } from '../commands/views';
import { CommandIDs } from '../tokens';
import { FlowGraph } from '../widgets/FlowGraph';
import { LiveWidget } from '../widgets/liveWidget';

/** The data flow between the notebook's cells, beside it. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'nbprod:flow',
  description: 'A graph of what each cell reads of which other one.',
  autoStart: true,
  requires: [IWorkspace, INotebookTracker],
  optional: [ICommandPalette, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    workspace: Workspace,
    tracker: INotebookTracker,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null
  ) => {
    const { trans } = workspace;
    addView(app, palette, restorer, {
      command: CommandIDs.openFlow,
      id: 'nbprod-flow',
      label: trans.__('Data flow'),
      caption: trans.__('What each cell reads of which other one'),
      make: () => {
        const shown = [workspace.changed, workspace.inspected];
        return new LiveWidget(() => {
          const panel = notebookInView(workspace, tracker);
          const inspection = panel && workspace.inspectionOf(panel);
          return (
            <FlowGraph
              inspection={inspection?.last?.inspection ?? null}
              cellId={activeCellId(panel)}
              onPlace={cellId => void app.commands.execute(CommandIDs.showCell, { cellId })}
              trans={trans}
            />
          );
        }, [...shown, tracker.activeCellChanged, tracker.currentChanged]);
      }
    });
  }
};

export default plugin;
