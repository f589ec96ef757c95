import { TranslationBundle } from '@jupyterlab/translation';

import { RequestError, Trouble } from '../api/request';

/** What keeps something from being shown or done, for a person: what is wrong, the next step. */
export interface INotice {
  trouble: Trouble;
  message: string;
  hint: string;
}

/** An error as a notice; what is not ours is told as it is. */
export function noticeOf(error: unknown, trans: TranslationBundle): INotice {
  if (!(error instanceof RequestError)) {
    const message = error instanceof Error ? error.message : String(error);
    return { trouble: 'refused', message, hint: trans.__('Look at the log of the browser.') };
  }
  const { trouble, hint, message } = error;
  switch (trouble) {
    case 'missing':
      return {
        trouble,
        message: trans.__('The Jupyter server runs without nbprod.'),
        hint: trans.__(
          'Install nbprod where JupyterLab runs: pip install "nbprod[lab]", then start JupyterLab again. `jupyter server extension list` tells which extensions run.'
        )
      };
    case 'old':
      return {
        trouble,
        message,
        hint: trans.__(
          'Install one version of nbprod for both: pip install --upgrade "nbprod[lab]", start JupyterLab again and reload this page.'
        )
      };
    case 'unreachable':
      return {
        trouble,
        message: trans.__('The Jupyter server does not answer.'),
        hint: trans.__(
          'Nothing is lost: jobs go on at the server. This is tried again by itself; look whether the server and the network are up.'
        )
      };
    default:
      return { trouble, message, hint };
  }
}
