import { INotebookModel, NotebookPanel } from '@jupyterlab/notebook';
import { TranslationBundle } from '@jupyterlab/translation';
import { Token } from '@lumino/coreutils';
import { ISignal, Signal } from '@lumino/signaling';

import { Client, Job, ProjectView } from '../api/client';
import { INbprod } from '../tokens';
import { cellRole } from './cellTags';
import { Connection } from './connection';
import { InspectionModel } from './inspection';
import { JobsModel } from './jobs';
import { ProjectModel } from './project';

/** What the extension's own plugins share; other extensions use `INbprod`. */
export const IWorkspace = new Token<Workspace>('nbprod:IWorkspace', 'The state of nbprod in Lab.');

/** What a person may set. */
export interface ISettings {
  /** How long after the last key press the findings are asked for. */
  pause_ms: number;
  /** Whether findings are shown while a notebook is edited. */
  isLive: boolean;
}

/** The state of nbprod in this Lab: the project of the current notebook, jobs, inspections. */
export class Workspace implements INbprod {
  constructor(
    readonly client: Client,
    readonly trans: TranslationBundle
  ) {
    this.connection = new Connection(client, trans);
    this.where = new ProjectModel(client, this.connection, trans);
    this.work = new JobsModel(client, trans);
    this.where.changed.connect(this.tell, this);
    this.work.changed.connect(this.tell, this);
    this.work.ended.connect(() => void this.where.refresh());
    this.connection.changed.connect(() => {
      if (this.connection.isReady) {
        this.work.follow();
      }
      this.tell();
    });
  }

  readonly connection: Connection;
  readonly where: ProjectModel;
  readonly work: JobsModel;
  settings: ISettings = { pause_ms: 150, isLive: true };

  get project(): ProjectView | null {
    return this.where.view;
  }

  get jobs(): readonly Job[] {
    return this.work.all;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** One of the open notebooks was looked at anew. */
  get inspected(): ISignal<this, InspectionModel> {
    return this._inspected;
  }

  refresh(): Promise<void> {
    return this.where.refresh();
  }

  /** The jobs of the current project. */
  get ownJobs(): readonly Job[] {
    return this.project ? this.work.of(this.project.path) : [];
  }

  /** What nbprod sees in an open notebook. */
  inspectionOf(panel: NotebookPanel): InspectionModel | null {
    const model = panel.content.model;
    if (!model || model.isDisposed) {
      return null;
    }
    let found = this.inspections.get(model);
    if (!found) {
      const path = (): string => panel.context.path;
      const isWanted = (): boolean => this.isOurs(model, path());
      const { pause_ms } = this.settings;
      found = new InspectionModel(this.client, model, path, isWanted, pause_ms, this.trans);
      this.inspections.set(model, found);
      const made = found;
      panel.disposed.connect(() => made.dispose());
      this.where.changed.connect(made.settle, made);
      made.changed.connect(() => this._inspected.emit(made), this);
    }
    return found;
  }

  /** A notebook is ours when it is a project's, or when one of its cells has a role. */
  private isOurs(model: INotebookModel, path: string): boolean {
    if (!this.settings.isLive || !this.connection.isReady) {
      return false;
    }
    return (
      this.project?.notebook === path || Array.from(model.cells).some(cell => cellRole(cell) !== '')
    );
  }

  private tell(): void {
    this._changed.emit();
  }

  private inspections = new WeakMap<INotebookModel, InspectionModel>();
  private _changed = new Signal<this, void>(this);
  private _inspected = new Signal<this, InspectionModel>(this);
}
