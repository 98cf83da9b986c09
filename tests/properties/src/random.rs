use arbitrary::{Result, Unstructured};

/// One of them; the first if nothing is left to choose with.
pub(crate) fn choose<T: Copy>(choices: &mut Unstructured<'_>, of: &[T]) -> Result<T> {
    choices.choose(of).copied()
}

/// A few.
pub(crate) fn several<T>(
    choices: &mut Unstructured<'_>,
    mut one: impl FnMut(&mut Unstructured<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let count = choose(choices, &[0, 1, 1, 2, 2, 3, 4, 6])?;
    (0..count).map(|_| one(choices)).collect()
}
