//! The expressions of `fasttok.polars` as polars calls them: its plugin interface in C, version 0.1, which all polars
//! since 0.20.6 have. Columns come and go as Arrow's C structs, so no version of polars is built in.
//!
//! No thread that comes here holds the GIL, and none waits for it but to look up an encoding that this process has
//! not used yet, or to word an error.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{CString, c_char, c_void};
use std::mem::ManuallyDrop;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use arrow_array::{Array, ArrayRef, make_array, new_empty_array, new_null_array};
use arrow_schema::{ArrowError, DataType, Field};
use fasttok_parallel::{
    Abort, Options, Output, SharedCounter, StoredText, Tokens, available_threads,
};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::arrow::{self, Column};
use crate::arrow_export::of_one_type;
use crate::columns::{Encodings, Work};
use crate::document::Document;
use crate::encoding::{Encoding, options};
use crate::ending::attach;
use crate::errors::Failure;

/// The version of the interface: the major part in the upper half.
const VERSION: u32 = 1;

/// A column as it crosses the interface.
#[repr(C)]
pub struct SeriesExport {
    /// Name and type.
    field: *mut FFI_ArrowSchema,
    /// The chunks. Who takes them over moves them out of there.
    arrays: *mut *mut FFI_ArrowArray,
    /// How many there are.
    len: usize,
    /// Frees `field` and the memory of the structs of `arrays`, not what they hold.
    release: Option<unsafe extern "C" fn(*mut SeriesExport)>,
    /// What the one who made it needs for that; null where there is no column but an error.
    private_data: *mut c_void,
}

/// What an exported column of ours needs until it is released.
struct Exported {
    field: FFI_ArrowSchema,
    arrays: Vec<*mut FFI_ArrowArray>,
}

impl SeriesExport {
    fn new(field: &Field, arrays: &[ArrayRef]) -> Result<SeriesExport, ArrowError> {
        let field = FFI_ArrowSchema::try_from(field)?;
        let export =
            |array: &ArrayRef| Box::into_raw(Box::new(FFI_ArrowArray::new(&array.to_data())));
        let arrays = arrays.iter().map(export).collect();
        let mut exported = Box::new(Exported { field, arrays });
        Ok(SeriesExport {
            field: &raw mut exported.field,
            arrays: exported.arrays.as_mut_ptr(),
            len: exported.arrays.len(),
            release: Some(release),
            private_data: Box::into_raw(exported).cast(),
        })
    }
}

/// # Safety
///
/// `series` must point to an export of [`SeriesExport::new`] that was not released, and whose arrays were moved out.
unsafe extern "C" fn release(series: *mut SeriesExport) {
    // SAFETY: as demanded of the caller; nothing is freed twice, for the export then has nothing to release.
    unsafe {
        let exported = Box::from_raw((*series).private_data.cast::<Exported>());
        for &array in &exported.arrays {
            drop(Box::from_raw(array.cast::<ManuallyDrop<FFI_ArrowArray>>()));
        }
        (*series).release = None;
    }
}

/// Takes over a column.
///
/// # Safety
///
/// `series` must point to a valid export, which is released by this.
unsafe fn take(series: *mut SeriesExport) -> Result<(Field, Vec<ArrayRef>), ArrowError> {
    // SAFETY: the field and as many arrays as are said are valid, and the arrays are for whoever takes the column over;
    // what is left of the export is given to its own function.
    unsafe {
        let arrays: Vec<FFI_ArrowArray> =
            (0..(*series).len).map(|i| (*(*series).arrays.add(i)).read()).collect();
        let schema = &*(*series).field;
        let field = Field::try_from(schema);
        let arrays = arrays.into_iter().map(|array| match &field {
            // polars does not send such arrays as the specification has them.
            Ok(field) if field.data_type() == &DataType::Null => {
                Ok(new_null_array(&DataType::Null, array.len()))
            }
            _ => from_ffi(array, schema).map(make_array),
        });
        let arrays: Result<Vec<_>, _> = arrays.collect();
        if let Some(release) = (*series).release {
            release(series);
        }
        Ok((field?, arrays?))
    }
}

/// What an expression does.
struct Job {
    work: Work,
    options: Options,
}

/// Expressions by what polars passes of them, and whether they give ids.
type Jobs = HashMap<(Vec<u8>, bool), Arc<Job>>;

/// Those that were used.
static JOBS: Mutex<Option<Jobs>> = Mutex::new(None);

/// As many are kept; more are looked up again.
const MOST_JOBS: usize = 64;

/// What the expression with the arguments `kwargs` does: those of `register_plugin_function`, pickled, which
/// `fasttok.integrations.polars` reads as well as writes.
fn job(kwargs: &[u8], output: Output) -> PyResult<Arc<Job>> {
    let key = (kwargs.to_vec(), output == Output::Ids);
    let jobs = || JOBS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(job) = jobs().as_ref().and_then(|jobs| jobs.get(&key)) {
        return Ok(Arc::clone(job));
    }
    type Arguments<'py> =
        (Option<Vec<String>>, Vec<Bound<'py, Encoding>>, String, String, Option<i64>);
    let job = attach(|py| {
        let read = py.import("fasttok.integrations.polars")?.getattr("_read_arguments")?;
        let read = read.call1((PyBytes::new(py, kwargs),))?;
        let (names, encodings, special, errors, threads): Arguments<'_> = read.extract()?;
        let mut counters = encodings.iter().map(|encoding| encoding.get().shared());
        let encodings = match names {
            Some(names) => Encodings::Named(names.into_iter().zip(counters).collect()),
            None => Encodings::One(
                counters.next().ok_or_else(|| PyValueError::new_err("there is no encoding"))?,
            ),
        };
        let options = options(&special, &errors, threads)?;
        PyResult::Ok(Arc::new(Job { work: Work { encodings, output }, options }))
    })?;
    let mut jobs = jobs();
    let jobs = jobs.get_or_insert_default();
    if jobs.len() >= MOST_JOBS {
        jobs.clear();
    }
    jobs.insert(key, Arc::clone(&job));
    Ok(job)
}

fn arrow_error(error: ArrowError) -> PyErr {
    PyRuntimeError::new_err(format!("polars passed what cannot be read: {error}"))
}

thread_local! {
    /// What polars is told when it asks why there is no result.
    static LAST_ERROR: RefCell<CString> = RefCell::default();
}

/// Does `what`; an error and a panic are for [`_polars_plugin_get_last_error_message`].
fn guarded<T>(what: impl FnOnce() -> PyResult<T>) -> Option<T> {
    let message = match catch_unwind(AssertUnwindSafe(what)) {
        Ok(Ok(value)) => return Some(value),
        Ok(Err(error)) => attach(|py| error.value(py).to_string()),
        Err(_) => "fasttok panicked".to_owned(),
    };
    let message = CString::new(message.replace('\0', "\\0")).unwrap_or_default();
    LAST_ERROR.with(|last| *last.borrow_mut() = message);
    None
}

/// How many columns are counted at this moment.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);

/// A column is counted as long as this lives.
struct Active;

impl Active {
    fn new() -> Active {
        ACTIVE.fetch_add(1, Relaxed);
        Active
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        ACTIVE.fetch_sub(1, Relaxed);
    }
}

/// Units of text before it is looked whether other columns are counted at the same time.
const FIRST_ROUND: usize = 1 << 16;
/// Units of text before that is looked at again.
const ROUND: usize = 1 << 24;

/// Counts or encodes documents. Where `options` say no number of threads, those of the process are shared by the calls
/// that are at work, of which polars makes several at once without saying so: else each call would have threads that
/// wait for those of the others, with caches of their own to fill. The calls for the parts of a column begin one shortly
/// after the other, so the first round is counted by one thread.
fn perform(
    counter: &SharedCounter,
    documents: &[Document<'_>],
    options: &Options,
    output: Output,
) -> Result<Tokens, Option<Failure>> {
    let mut all = Tokens::default();
    let mut start = 0;
    while start < documents.len() {
        let (mut options, mut end) = (*options, documents.len());
        if options.threads.is_none() {
            end = round(documents, start, if start == 0 { FIRST_ROUND } else { ROUND });
            let threads = match start == 0 && !SharedCounter::is_long(&documents[0]) {
                true => 1,
                false => available_threads() / ACTIVE.load(Relaxed).max(1),
            };
            options.threads = NonZeroUsize::new(threads.max(1));
        }
        let run = counter.run(&documents[start..end], &options, output, &mut || Ok(()));
        let mut tokens = run.map_err(|abort| match abort {
            Abort::Failure(mut failure) => {
                failure.text += start;
                Some(Failure::new(failure, documents))
            }
            Abort::Cancelled => None,
        })?;
        if start == 0 {
            all = tokens;
        } else {
            all.counts.append(&mut tokens.counts);
            all.ids.append(&mut tokens.ids);
        }
        start = end;
    }
    Ok(all)
}

/// The end of the documents from `start` on that have `most` units of text; there is one at least.
fn round(documents: &[Document<'_>], start: usize, most: usize) -> usize {
    let mut units = documents[start].units();
    let more = documents[start + 1..].iter().take_while(|document| {
        units += document.units();
        units <= most
    });
    start + 1 + more.count()
}

/// The version of the interface.
#[unsafe(no_mangle)]
pub extern "C" fn _polars_plugin_get_version() -> u32 {
    VERSION
}

/// Why the last call of this thread gave nothing. Valid until its next call.
#[unsafe(no_mangle)]
pub extern "C" fn _polars_plugin_get_last_error_message() -> *const c_char {
    LAST_ERROR.with(|last| last.borrow().as_ptr())
}

/// The field that an expression makes of the fields `inputs`, one.
///
/// # Safety
///
/// See [`_polars_plugin_field_fasttok_count`].
unsafe fn field(
    inputs: *const FFI_ArrowSchema,
    len: usize,
    result: *mut FFI_ArrowSchema,
    kwargs: *const u8,
    kwargs_len: usize,
    output: Output,
) {
    let made = guarded(|| {
        if len != 1 {
            return Err(PyValueError::new_err(format!(
                "one column is counted at a time, not {len}"
            )));
        }
        // SAFETY: as demanded of the caller.
        let (input, kwargs) = unsafe { (&*inputs, std::slice::from_raw_parts(kwargs, kwargs_len)) };
        let input = Field::try_from(input).map_err(arrow_error)?;
        arrow::check_field(&input)?;
        let field = Field::new(input.name(), job(kwargs, output)?.work.data_type(), true);
        FFI_ArrowSchema::try_from(&field).map_err(arrow_error)
    });
    if let Some(made) = made {
        // SAFETY: as demanded of the caller.
        unsafe { result.write(made) };
    }
}

/// The column that an expression makes of the columns `inputs`, one.
///
/// # Safety
///
/// See [`_polars_plugin_fasttok_count`].
unsafe fn column(
    inputs: *mut SeriesExport,
    len: usize,
    kwargs: *const u8,
    kwargs_len: usize,
    result: *mut SeriesExport,
    context: *const u8,
    output: Output,
) {
    let made = guarded(|| {
        // All are taken over, whatever there is to say of them.
        // SAFETY: as demanded of the caller.
        let taken: Vec<_> = (0..len).map(|i| unsafe { take(inputs.add(i)) }).collect();
        let taken = taken.into_iter().collect::<Result<Vec<_>, _>>().map_err(arrow_error)?;
        let [(field, chunks)] = &taken[..] else {
            return Err(PyValueError::new_err(format!(
                "one column is counted at a time, not {len}"
            )));
        };
        // SAFETY: as demanded of the caller.
        let job = job(unsafe { std::slice::from_raw_parts(kwargs, kwargs_len) }, output)?;
        let mut options = job.options;
        // SAFETY: as demanded of the caller. Of the flags only the lowest is known.
        if !context.is_null() && unsafe { *context } & 1 == 1 {
            // polars does several such columns or parts at once.
            options.threads = Some(NonZeroUsize::MIN);
        }
        let _active = Active::new();
        let mut arrays = Vec::with_capacity(chunks.len());
        let mut before = 0;
        for chunk in chunks {
            let column = Column::new(chunk)?;
            let array = job.work.perform(&column, &mut |counter, documents, output| {
                perform(counter, documents, &options, output)
            });
            arrays.push(array.map_err(|stopped| match stopped.error {
                Some(failure) => {
                    let row = before + column.row(stopped.start, failure.document);
                    attach(|py| failure.into_py_err(py, Some(row)))
                }
                None => PyRuntimeError::new_err("counting was cancelled"),
            })?);
            before += column.len();
        }
        if arrays.is_empty() {
            arrays.push(new_empty_array(&job.work.data_type()));
        }
        let (data_type, arrays) = of_one_type(job.work.data_type(), arrays)?;
        let field = Field::new(field.name(), data_type, true);
        SeriesExport::new(&field, &arrays).map_err(arrow_error)
    });
    if let Some(made) = made {
        // SAFETY: as demanded of the caller.
        unsafe { result.write(made) };
    }
}

/// The functions of one expression.
macro_rules! expression {
    ($column:ident, $field:ident, $output:expr) => {
        /// The column that the expression makes of one.
        ///
        /// # Safety
        ///
        /// As polars calls it: `inputs` are `len` valid columns, which are taken over; `kwargs` are `kwargs_len` bytes;
        /// `result` is an empty column, to be written or left as it is; `context` is null, or has flags, the lowest
        /// in its first byte.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $column(
            inputs: *mut SeriesExport,
            len: usize,
            kwargs: *const u8,
            kwargs_len: usize,
            result: *mut SeriesExport,
            context: *const u8,
        ) {
            // SAFETY: as demanded of the caller.
            unsafe { column(inputs, len, kwargs, kwargs_len, result, context, $output) }
        }

        /// The field that the expression makes of one.
        ///
        /// # Safety
        ///
        /// As polars calls it: `inputs` are `len` valid fields, which stay the caller's; `result` is an empty field, to be
        /// written or left as it is; `kwargs` are `kwargs_len` bytes.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $field(
            inputs: *const FFI_ArrowSchema,
            len: usize,
            result: *mut FFI_ArrowSchema,
            kwargs: *const u8,
            kwargs_len: usize,
        ) {
            // SAFETY: as demanded of the caller.
            unsafe { field(inputs, len, result, kwargs, kwargs_len, $output) }
        }
    };
}

expression!(_polars_plugin_fasttok_count, _polars_plugin_field_fasttok_count, Output::Counts);
expression!(_polars_plugin_fasttok_encode, _polars_plugin_field_fasttok_encode, Output::Ids);
