import { TranslationBundle } from '@jupyterlab/translation';
import { ISignal, Signal } from '@lumino/signaling';

import { Client, ProjectView } from '../api/client';
import { Connection } from './connection';
import { INotice, noticeOf } from './trouble';

const RETRY_MS = 3000;

/** The project that the current notebook lies in, and where it stands on the road. */
export class ProjectModel {
  constructor(
    private client: Client,
    private connection: Connection,
    private trans: TranslationBundle
  ) {}

  /** The notebook or folder that is looked at; null before there is one. */
  get path(): string | null {
    return this._path;
  }

  get view(): ProjectView | null {
    return this._view;
  }

  /** Why there is no view, or why it may be an old one. */
  get notice(): INotice | null {
    return this._notice;
  }

  /** Whether the current notebook is the one that the project trains from. */
  get isTraining(): boolean {
    return this._view !== null && this._view.notebook === this._path;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Look at another notebook. */
  async setPath(path: string | null): Promise<void> {
    if (path === this._path) {
      return;
    }
    this._path = path;
    const inside = this._view && path !== null && isInside(path, this._view.path);
    if (!inside) {
      this._view = null;
      this._notice = null;
    }
    this._changed.emit();
    await this.refresh();
  }

  /** Ask the server anew; the last answer stays on show while there is none. */
  async refresh(): Promise<void> {
    const path = this._path;
    if (path === null) {
      return;
    }
    const asked = ++this._asked;
    try {
      if (!this.connection.isReady && !(await this.connection.check())) {
        this.take(asked, this._view, this.connection.notice);
        return;
      }
      this.take(asked, await this.client.getProject(path), null);
    } catch (error) {
      const notice = noticeOf(error, this.trans);
      const gone = notice.trouble !== 'unreachable';
      this.take(asked, gone ? null : this._view, notice);
    }
  }

  private take(asked: number, view: ProjectView | null, notice: INotice | null): void {
    if (asked !== this._asked) {
      return; // a later question is under way
    }
    this._view = view;
    this._notice = notice;
    this._changed.emit();
    if (notice?.trouble === 'unreachable') {
      setTimeout(() => {
        if (asked === this._asked) {
          void this.refresh();
        }
      }, RETRY_MS);
    }
  }

  private _path: string | null = null;
  private _view: ProjectView | null = null;
  private _notice: INotice | null = null;
  private _asked = 0;
  private _changed = new Signal<this, void>(this);
}

function isInside(path: string, folder: string): boolean {
  return folder === '' || path.startsWith(folder + '/');
}
