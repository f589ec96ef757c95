import type { TranslationBundle } from '@jupyterlab/translation';

function fill(text: string, values: unknown[]): string {
  return text.replace(/%(\d)/g, (_, place) => String(values[Number(place) - 1]));
}

/** English as it is written. */
export const trans = {
  __: (text: string, ...values: unknown[]) => fill(text, values),
  _n: (one: string, many: string, n: number, ...values: unknown[]) =>
    fill(n === 1 ? one : many, [n, ...values])
} as unknown as TranslationBundle;
