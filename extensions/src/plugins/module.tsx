import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { Message } from '@lumino/messaging';
import * as React from 'react';

import { activeCellId, notebookInView } from '../model/currentCell';
import { PreviewModel } from '../model/preview';
import { IWorkspace, Workspace } from '../model/workspace';
import { addView } from '../commands/views';
import { CommandIDs } from '../tokens';
import { LiveWidget } from '../widgets/liveWidget';
import { ModulePreview } from '../widgets/ModulePreview';

/** The module as it would be extracted now, beside the notebook. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'nbprod:module',
  description: 'A live preview of the module, with a way from each line to its cell and back.',
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
    const model = new PreviewModel(workspace.client, trans);
    addView(app, palette, restorer, {
      command: CommandIDs.openModule,
      id: 'nbprod-module',
      label: trans.__('Module preview'),
      caption: trans.__('The module that the notebook would become as it is edited now'),
      make: () => new ModuleView(app, workspace, tracker, model)
    });
  }
};

class ModuleView extends LiveWidget {
  constructor(
    app: JupyterFrontEnd,
    private workspace: Workspace,
    private tracker: INotebookTracker,
    private model: PreviewModel
  ) {
    super(
      () => (
        <ModulePreview
          preview={model.last}
          notice={model.notice ?? workspace.where.notice}
          cellId={activeCellId(notebookInView(workspace, tracker))}
          onPlace={(cellId, line) =>
            void app.commands.execute(CommandIDs.showCell, { cellId, line })
          }
          trans={workspace.trans}
        />
      ),
      [model.changed, workspace.changed, tracker.activeCellChanged]
    );
    tracker.currentChanged.connect(this.ask, this);
    workspace.where.changed.connect(this.ask, this);
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.ask();
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.ask();
  }

  private ask(): void {
    const panel = notebookInView(this.workspace, this.tracker);
    const model = panel?.content.model;
    if (!panel || !model || !this.isVisible || !this.workspace.project) {
      return;
    }
    // Its answers come a pause after the last key press: just when the module wants looking at.
    this.workspace.inspectionOf(panel)?.changed.connect(this.ask, this);
    void this.model.ask(panel.context.path, model);
  }
}

export default plugin;
