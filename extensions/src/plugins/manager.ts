import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Client } from '../api/client';
import { IWorkspace, Workspace } from '../model/workspace';
import { NAME } from '../tokens';

/** The state that all of nbprod's plugins share: it follows the notebook that is looked at. */
const plugin: JupyterFrontEndPlugin<Workspace> = {
  id: 'nbprod:manager',
  description: "Knows the current notebook's project, the server's jobs, and the findings.",
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ISettingRegistry, ITranslator],
  provides: IWorkspace,
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    registry: ISettingRegistry | null,
    translator: ITranslator | null
  ) => {
    const workspace = new Workspace(new Client(), (translator ?? nullTranslator).load(NAME));
    const look = (): void => {
      const panel = tracker.currentWidget;
      void workspace.where.setPath(panel ? panel.context.path : null);
    };
    tracker.currentChanged.connect(look);
    tracker.widgetAdded.connect((_, panel) => {
      panel.context.pathChanged.connect(look);
      panel.context.saveState.connect((_, state) => {
        if (state === 'completed' && panel === tracker.currentWidget) {
          void workspace.refresh();
        }
      });
    });
    void app.restored.then(() => workspace.connection.check()).then(look);

    void registry?.load(plugin.id).then(settings => {
      const read = (): void => {
        workspace.settings = {
          pause_ms: settings.get('pauseMs').composite as number,
          isLive: settings.get('liveFindings').composite as boolean
        };
      };
      settings.changed.connect(read);
      read();
    });
    return workspace;
  }
};

export default plugin;
