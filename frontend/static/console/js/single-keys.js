// @ts-check
/** Whether single keys are shortcuts: a person whose tools send keys of their own turns them off. */

const OFF = "channelscope-single-keys-off";

export const areSingleKeysOff = () => Boolean(localStorage.getItem(OFF));

/** @param {boolean} isOff */
export function turnSingleKeysOff(isOff) {
  if (isOff) localStorage.setItem(OFF, "1");
  else localStorage.removeItem(OFF);
}

/**
 * Whether a key is no shortcut: it was pressed inside a field or with another one, or they are off.
 *
 * @param {KeyboardEvent} event
 */
export function isOwnKey(event) {
  if (areSingleKeysOff() || event.metaKey || event.ctrlKey || event.altKey || event.isComposing) return true;
  const { target } = event;
  return !(target instanceof Element) || Boolean(target.closest("input, textarea, select, dialog, [contenteditable]"));
}
