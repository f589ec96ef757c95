import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { addRoleCommands } from '../commands/roles';
import { roles } from '../model/roles';
import { CommandIDs, NAME } from '../tokens';
import { NotebookBadges } from '../widgets/notebookBadges';

/** Roles in the notebook: the badge of each cell, the picker, the palette's entries. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'nbprod:cells',
  description: "Shows and changes the cells' roles.",
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load(NAME);
    addRoleCommands(app, tracker, trans);

    const watch = (panel: NotebookPanel): void => {
      const badges = new NotebookBadges(panel.content, trans, cell => {
        panel.content.activeCellIndex = panel.content.widgets.indexOf(cell);
        void app.commands.execute(CommandIDs.pickRole);
      });
      panel.disposed.connect(() => badges.dispose());
    };
    tracker.widgetAdded.connect((_, panel) => watch(panel));
    tracker.forEach(watch);

    if (palette) {
      const category = trans.__('nbprod');
      palette.addItem({ command: CommandIDs.pickRole, category });
      for (const { name } of [...roles(trans), { name: '' }]) {
        const args = { role: name, isPalette: true };
        palette.addItem({ command: CommandIDs.setRole, category, args });
      }
    }
  }
};

export default plugin;
