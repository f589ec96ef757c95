/** What Lab's widgets ask of a browser when they are imported, and jsdom does not have. */
globalThis.DragEvent ??= class DragEvent extends Event {};
