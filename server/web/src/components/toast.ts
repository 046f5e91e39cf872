// Shows a short message for a few seconds, which screen readers announce. Loaded when first used.

export async function toast(message: string): Promise<void> {
  const { showToast } = await import("./Toasts");
  showToast(message);
}
