// Defaults of Mantine's components; colours and sizes are tokens in style.css.
// Components are referred to by name, so that the start does not load those that only some pages
// need.
import { createTheme } from "@mantine/core";

const field = { defaultProps: { inputWrapperOrder: ["label", "input", "error", "description"] } };

export const theme = createTheme({
  cursorType: "pointer",
  components: {
    // An open menu belongs to the part of the page with its button, and contains entries only: the first one gets the
    // focus, instead of an element without a role.
    Menu: { defaultProps: { withinPortal: false, floatingStrategy: "fixed", withInitialFocusPlaceholder: false } },
    // Locking the scroll would write a style element, which the content policy forbids.
    Modal: {
      defaultProps: {
        lockScroll: false,
        centered: true,
        transitionProps: { duration: 120 },
        // Its header element would be interpreted as a second banner of the page.
        attributes: { header: { role: "presentation" } },
      },
    },
    NativeSelect: field,
    PasswordInput: field,
    Textarea: field,
    TextInput: field,
  },
});
