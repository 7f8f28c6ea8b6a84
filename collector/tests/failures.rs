//! Can a program take from a failure what is wrong, and where, without reading its sentence?

use std::path::{Path, PathBuf};

use clap::Parser;
use purple_sector_collector::recording::CreateError;
use purple_sector_collector::source::SourceError;
use purple_sector_collector::{Config, Failure, SettingsError, run};

/// A file of this test, removed at its end.
struct File(PathBuf);

impl File {
    fn with(content: &str, name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("collector-failures-{}-{name}", std::process::id()));
        std::fs::write(&path, content).expect("a temporary file");
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What is wrong with the settings, found before Kafka is asked.
async fn settings_error(arguments: &[&str]) -> SettingsError {
    let arguments = [&["collector"], arguments, &["--user", "alice"]].concat();
    let config = Config::try_parse_from(arguments).expect("flags that can be read");
    match run(config, std::future::pending()).await {
        Err(Failure::Settings(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

#[tokio::test]
async fn a_broken_recording_has_its_path_line_and_column() {
    let header = "lap_row,track,session,lap_time_text,lap_counter,sample,speed[km/h],steerAngle[-1..1],\
                  gear[-1=R 0=N],gas[0..1],brake[0..1]\n";
    let file = File::with(&[header, "2,B,P,01:29.537,1,0,fast,0,5,1,0\n"].concat(), "broken.csv");
    let error = settings_error(&["replay", text(&file.0)]).await;
    let SettingsError::Source(SourceError::Line { path, line, error }) = error else { panic!("{error:?}") };
    assert_eq!((path, line, error.column.as_deref()), (file.0.clone(), 2, Some("speed[km/h]")));
}

#[tokio::test]
async fn a_recording_that_exists_already_has_its_path() {
    let file = File::with("", "there.psrec");
    let error = settings_error(&["simulator", "--record", text(&file.0)]).await;
    let SettingsError::Recording(CreateError::Exists { path }) = error else { panic!("{error:?}") };
    assert_eq!(path, file.0);
}
