//! How the page is made to change the configuration.

use serde_json::json;

use crate::browser::Page;

const DIALOG_IS_OPEN: &str = "document.querySelector('#change-dialog').open";

/// Something of the page that can be changed: its button, and where it stands.
pub fn open(page: &mut Page, entry: &str, word: &str) {
    let within = if entry.is_empty() { String::new() } else { format!("[data-entry='{entry}'] ") };
    let button = format!("{within}[data-edit={word}]");
    page.wait(&format!(
        "document.querySelector({}) && !document.querySelector({0}).disabled",
        json!(button)
    ));
    page.click(&button);
    page.wait(DIALOG_IS_OPEN);
}

/// Writes into a field, over what stands there.
pub fn fill(page: &mut Page, field: &str, text: &str) {
    let selector = json!(format!("#change-fields [name='{field}']"));
    page.eval(&format!(
        "{{ const field = document.querySelector({selector}); const more = field.closest('details'); \
         if (more) more.open = true; field.focus(); field.select(); field.value = ''; 0 }}"
    ));
    page.write(text);
}

/// Chooses from a list, or one of several.
pub fn choose(page: &mut Page, field: &str, value: &str) {
    let scope = json!(format!("#change-fields [data-field='{field}']"));
    let value = json!(value);
    page.eval(&format!(
        "{{ const box = document.querySelector({scope}); const select = box.querySelector('select'); \
         if (select) {{ select.value = {value}; select.dispatchEvent(new Event('change', {{ bubbles: true }})); }} \
         else box.querySelector(`input[value='${{{value}}}']`).click(); 0 }}"
    ));
}

/// Asks for the difference and waits until it is shown.
pub fn propose(page: &mut Page) {
    page.click("#change-submit");
    await_difference(page);
}

pub fn await_difference(page: &mut Page) {
    page.wait(
        "!document.querySelector('#change-difference').hidden || document.querySelector('#change-error').textContent !== ''",
    );
    assert_eq!(page.text("#change-error"), "");
}

/// Confirms what is shown and closes the dialog; what the page says of it.
pub fn apply(page: &mut Page) -> String {
    page.click("#change-submit");
    page.wait(
        "document.querySelector('#change-submit').textContent === 'Close' || document.querySelector('#change-error').textContent !== ''",
    );
    assert_eq!(page.text("#change-error"), "");
    let said = page.text("#change-said");
    page.click("#change-submit");
    page.wait(&format!("!{DIALOG_IS_OPEN}"));
    said
}

/// The difference of the file here and of the one there, as they are shown.
pub fn differences(page: &mut Page) -> [String; 2] {
    ["#change-here", "#change-partner-lines"].map(|selector| page.text(selector))
}
