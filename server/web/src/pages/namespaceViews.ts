// The code of the views of a namespace that are loaded when first shown.
export const viewCode = {
  live: () => import("./NamespaceLive"),
  instances: () => import("./NamespaceInstances"),
  text: () => import("./NamespaceText"),
};
