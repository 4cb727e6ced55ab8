//! The way to a violation, played once more for readers.

use crate::arguments::Arguments;
use crate::pair::Action;
use crate::steps::Steps;

/// Plays `trace` from the beginning and prints what is done, sent and reported.
pub(crate) fn tell(arguments: &Arguments, trace: &[Action]) {
    let mut steps = Steps::new(arguments.dialect);
    let Ok(mut pair) = arguments.root(&mut steps) else { return };
    let begin = pair.clock();
    steps.story = Some(Vec::new());
    for (number, action) in (1..).zip(trace) {
        let next = pair.after(&mut steps, *action);
        println!("{number:3}. [{:4} s] {action}", pair.clock() - begin);
        for line in steps.story.iter_mut().flat_map(|story| story.drain(..)) {
            println!("            {line}");
        }
        match next {
            Ok(next) => pair = next,
            Err(violation) => return println!("     {violation}"),
        }
    }
}
