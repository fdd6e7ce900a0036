use std::os::unix::fs::symlink;

use tempfile::TempDir;
use tokio::sync::mpsc;

use super::*;

const DELIVERED: &str = "1763702506.M20046P97.host,S=6";

async fn opened(dir: &TempDir) -> MaildirSource {
    let mut source = MaildirSource::new(MaildirSettings {
        path: dir.path().join("inbox"),
        processed: "Verwerkt".into(),
        quarantine: "Klachten/Quarantaine – ü".into(),
        poll: Duration::from_mins(1),
    });
    source.open().await.expect("opened");
    source.make_folders().await.expect("made");
    source
}

fn put(dir: &TempDir, file: &str, content: &str) -> PathBuf {
    let path = dir.path().join("inbox").join(file);
    fs::write(&path, content).expect("written");
    path
}

async fn names(source: &mut MaildirSource) -> Vec<String> {
    let all = source.list().await.expect("listed");
    let mut names: Vec<String> = all.iter().map(|listed| name_of(&listed.place).to_owned()).collect();
    names.sort();
    names
}

async fn fetched(
    source: &mut MaildirSource,
    wanted: &[Listed],
    limit: u64,
) -> (Result<(), SourceError>, Vec<(String, Content)>) {
    let (out, mut mails) = mpsc::channel(16);
    let result = source.fetch(wanted, limit, &out).await;
    drop(out);
    let mut got = Vec::new();
    while let Some(mail) = mails.recv().await {
        got.push((name_of(&mail.place).to_owned(), mail.content));
    }
    (result, got)
}

fn files(dir: &TempDir, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(dir.path().join("inbox").join(folder)).expect("a directory");
    let mut files: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    files.sort();
    files
}

fn maildir(name: &str) -> Place {
    Place::Maildir { name: name.to_owned() }
}

#[tokio::test]
async fn opening_makes_what_is_missing_and_may_be_repeated() {
    let dir = TempDir::new().expect("a directory");
    let mut source = opened(&dir).await;
    source.open().await.expect("again");
    source.make_folders().await.expect("again");
    for folder in ["", ".Verwerkt", ".Klachten.Quarantaine &IBM- &APw-"] {
        for part in ["new", "cur", "tmp"] {
            assert!(dir.path().join("inbox").join(folder).join(part).is_dir(), "{folder}/{part}");
        }
    }
    assert!(dir.path().join("inbox/.Verwerkt/maildirfolder").is_file());
    for bad in ["", "a//b", "v2.0", "/", ".."] {
        assert!(matches!(folder_dir(bad), Err(SourceError::Refused(_))), "{bad}");
    }
    let mut nowhere =
        MaildirSource::new(MaildirSettings { path: "/proc/nowhere".into(), ..source.settings.clone() });
    assert!(nowhere.open().await.is_err());
    assert!(!nowhere.is_open() && nowhere.list().await.is_err());
}

#[tokio::test]
async fn messages_are_listed_by_their_unique_part_and_nothing_else_is() {
    let dir = TempDir::new().expect("a directory");
    let mut source = opened(&dir).await;
    put(&dir, &format!("new/{DELIVERED}"), "whole\n");
    put(&dir, "cur/1763702507.V1.host:2,RS", "seen\n");
    put(&dir, "new/klacht: mijn factuur.eml", "by hand\n");
    put(&dir, "new/100%\n.eml", "odd name\n");
    fs::write(dir.path().join("inbox/new").join(OsStr::from_bytes(b"caf\xe9.eml")), "latin\n")
        .expect("written");
    put(&dir, "new/.hidden", "no");
    put(&dir, "tmp/1763702508.V1.host", "half");
    fs::create_dir(dir.path().join("inbox/new/directory")).expect("made");
    symlink("/etc/passwd", dir.path().join("inbox/new/link")).expect("made");
    let expected =
        ["100%25%0A.eml", DELIVERED, "1763702507.V1.host", "caf%E9.eml", "klacht: mijn factuur.eml"]
            .map(str::to_owned);
    assert_eq!(names(&mut source).await, expected);

    let wanted = source.list().await.expect("listed");
    let (result, got) = fetched(&mut source, &wanted, 100).await;
    assert_eq!(result, Ok(()));
    assert_eq!(got.len(), 5);
    assert!(got.contains(&("caf%E9.eml".into(), Content::Whole(b"latin\n".to_vec()))));
    source
        .file_away(&wanted.into_iter().map(|l| (l.place, Folder::Processed)).collect::<Vec<_>>())
        .await
        .expect("filed");
    assert_eq!(files(&dir, ".Verwerkt/cur").len(), 5);
}

#[tokio::test]
async fn the_oldest_comes_first_with_size_and_mtime() {
    let dir = TempDir::new().expect("a directory");
    let mut source = opened(&dir).await;
    for (name, seconds) in [("1763702506.V1.host", 2000), ("1763702507.V1.host", 1000)] {
        let path = put(&dir, &format!("new/{name}"), "text\n");
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        File::options().write(true).open(path).expect("open").set_modified(time).expect("set");
    }
    let at = |seconds| Timestamp::from_second(seconds).expect("in range");
    assert_eq!(
        source.list().await.expect("listed"),
        [
            Listed { place: maildir("1763702507.V1.host"), size: 5, received: Some(at(1000)) },
            Listed { place: maildir("1763702506.V1.host"), size: 5, received: Some(at(2000)) },
        ]
    );
}

#[tokio::test]
async fn content_is_whole_or_a_head_or_gone_and_one_bad_file_stops_no_other() {
    let dir = TempDir::new().expect("a directory");
    let mut source = opened(&dir).await;
    for n in 1..=4 {
        put(&dir, &format!("new/176370250{n}.V1.host"), "0123456789");
    }
    let large = "x".repeat(HEAD_SIZE + 10);
    put(&dir, "new/1763702505.V1.host", &large);
    let wanted = source.list().await.expect("listed");
    // moved, renamed, and replaced by something that can't be read
    fs::remove_file(dir.path().join("inbox/new/1763702502.V1.host")).expect("removed");
    let new = dir.path().join("inbox/new");
    fs::rename(new.join("1763702503.V1.host"), dir.path().join("inbox/cur/1763702503.V1.host:2,S"))
        .expect("renamed");
    let (result, mut got) = fetched(&mut source, &wanted, 10).await;
    assert_eq!(result, Ok(()));
    got.sort_by(|a, b| a.0.cmp(&b.0));
    let text = || Content::Whole(b"0123456789".to_vec());
    let contents: Vec<Content> = got.into_iter().map(|(_, content)| content).collect();
    let head = large.as_bytes()[..HEAD_SIZE].to_vec();
    assert_eq!(contents, [text(), Content::Gone, text(), text(), Content::TooLarge { head }]);
}

#[tokio::test]
async fn an_imap_place_is_gone_here() {
    let dir = TempDir::new().expect("a directory");
    let mut source = opened(&dir).await;
    let place = Place::Imap { uid_validity: 1, uid: 1 };
    let listed = Listed { place: place.clone(), size: 1, received: Some(Timestamp::UNIX_EPOCH) };
    assert_eq!(fetched(&mut source, &[listed], 10).await, (Ok(()), vec![(String::new(), Content::Gone)]));
    assert_eq!(source.file_away(&[(place, Folder::Processed)]).await, Ok(()));
}

#[tokio::test]
async fn filing_away_replaces_nothing_and_may_be_repeated() {
    let dir = TempDir::new().expect("a directory");
    let mut source = opened(&dir).await;
    let moves =
        [(maildir("klacht.eml"), Folder::Processed), (maildir("1763702507.V1.host"), Folder::Quarantine)];
    put(&dir, "cur/1763702507.V1.host:2,", "spam\n");
    for text in ["first\n", "second\n"] {
        put(&dir, "new/klacht.eml", text);
        source.file_away(&moves).await.expect("filed");
        source.file_away(&moves).await.expect("nothing left to do");
    }
    assert_eq!(files(&dir, ".Verwerkt/cur"), ["klacht.eml-2:2,S", "klacht.eml:2,S"]);
    assert_eq!(files(&dir, ".Klachten.Quarantaine &IBM- &APw-/cur"), ["1763702507.V1.host:2,S"]);
    assert_eq!(
        fs::read_to_string(dir.path().join("inbox/.Verwerkt/cur/klacht.eml:2,S")).expect("read"),
        "first\n"
    );
    assert!(names(&mut source).await.is_empty());
}

#[tokio::test]
async fn one_that_cannot_be_moved_holds_up_no_other() {
    let dir = TempDir::new().expect("a directory");
    let mut source = opened(&dir).await;
    let quarantine = dir.path().join("inbox/.Klachten.Quarantaine &IBM- &APw-");
    fs::remove_dir_all(&quarantine).expect("removed");
    let names = ["1.eml", "2.eml", "3.eml"];
    let folders = [Folder::Quarantine, Folder::Processed, Folder::Quarantine];
    for name in names {
        put(&dir, &format!("new/{name}"), "text\n");
    }
    let moves: Vec<_> = names.iter().zip(folders).map(|(name, folder)| (maildir(name), folder)).collect();
    let Err(SourceError::Away(why)) = source.file_away(&moves).await else { panic!("it can't be moved") };
    assert!(why.contains("1.eml"), "the first is told: {why}");
    assert_eq!(
        (files(&dir, "new"), files(&dir, ".Verwerkt/cur").len()),
        (vec!["1.eml".into(), "3.eml".into()], 1)
    );
    source.make_folders().await.expect("made again");
    source.file_away(&moves).await.expect("moved");
    assert!(files(&dir, "new").is_empty());
}

#[tokio::test]
async fn a_wait_ends_with_what_came_since_the_list() {
    let dir = TempDir::new().expect("a directory");
    let mut source = opened(&dir).await;
    assert!(names(&mut source).await.is_empty());
    let before = fs::metadata(dir.path().join("inbox/new")).and_then(|data| data.modified()).expect("mtime");
    // the file system's clock ticks in milliseconds: until the change shows in the mtime there is nothing to see
    while fs::metadata(dir.path().join("inbox/new")).and_then(|data| data.modified()).expect("mtime")
        == before
    {
        put(&dir, "new/klacht.eml", "text\n");
        fs::remove_file(dir.path().join("inbox/new/klacht.eml")).expect("removed");
    }
    put(&dir, "new/klacht.eml", "text\n");
    let woken = tokio::time::timeout(Duration::from_secs(20), source.wait()).await;
    assert_eq!(woken, Ok(Ok(())));
    assert_eq!(names(&mut source).await, ["klacht.eml"]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_after_poll_at_the_latest() {
    let dir = TempDir::new().expect("a directory");
    let mut source = opened(&dir).await;
    source.list().await.expect("listed");
    assert_eq!(tokio::time::timeout(Duration::from_mins(2), source.wait()).await, Ok(Ok(())));
}

#[test]
fn flags_are_no_part_of_a_name() {
    for (file, name) in [
        ("1763702506.V1.host:2,RS", "1763702506.V1.host"),
        ("1763702506.V1.host", "1763702506.V1.host"),
        ("a:2,b:2,S", "a:2,b"),
        (":2,S", ":2,S"),
        ("klacht: over iets.eml", "klacht: over iets.eml"),
    ] {
        assert_eq!(unique_part(OsStr::new(file)), name);
    }
    for name in ["klacht.eml", "2026.klacht.eml", "1763702506", "1763702506.eml", "1763702506..x", ""] {
        assert!(!delivered_by_program(name), "{name}");
    }
    assert!(delivered_by_program(DELIVERED));
}

#[tokio::test]
async fn a_file_that_still_grows_is_not_taken() {
    let dir = TempDir::new().expect("a directory");
    let mut source = opened(&dir).await;
    let path = put(&dir, "new/klacht.eml", "Subject: half of it\n");
    put(&dir, &format!("new/{DELIVERED}"), "whole\n");
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let (began, beginning) = std::sync::mpsc::channel();
    let writer = std::thread::spawn(move || {
        let mut file = File::options().append(true).open(path).expect("open");
        while stopped.try_recv().is_err() {
            io::Write::write_all(&mut file, b"x").expect("written");
            began.send(()).ok();
        }
    });
    beginning.recv().expect("it grows");
    assert_eq!(names(&mut source).await, [DELIVERED]);
    stop.send(()).expect("sent");
    writer.join().expect("ended");
    assert_eq!(
        tokio::time::timeout(Duration::from_secs(20), source.wait()).await,
        Ok(Ok(())),
        "it is looked at again"
    );
    assert_eq!(names(&mut source).await, [DELIVERED, "klacht.eml"]);
}

#[tokio::test]
async fn what_is_no_file_cannot_be_read() {
    let dir = TempDir::new().expect("a directory");
    assert!(read(dir.path().to_owned(), u64::MAX).await.is_err());
    assert_eq!(read(dir.path().join("absent"), 1).await.ok(), Some(Content::Gone));
}

#[test]
fn a_rename_never_replaces() {
    let dir = TempDir::new().expect("a directory");
    let [from, to] = ["from", "to"].map(|name| dir.path().join(name));
    fs::write(&from, "new").and_then(|()| fs::write(&to, "old")).expect("written");
    assert_eq!(rename_new(&from, &to).map_err(|e| e.kind()), Err(io::ErrorKind::AlreadyExists));
    assert_eq!(fs::read_to_string(&to).expect("read"), "old");
    let absent = rename_new(&dir.path().join("absent"), &dir.path().join("x"));
    assert_eq!(absent.map_err(|e| e.kind()), Err(io::ErrorKind::NotFound));
}

#[tokio::test]
async fn a_maildir_with_more_than_a_list_holds_is_refused_in_words() {
    let dir = TempDir::new().expect("a directory");
    let mut source = opened(&dir).await;
    for n in 0..MOST_LISTED {
        put(&dir, &format!("new/1763702506.M{n}P97.host,S=1"), "x");
    }
    assert_eq!(source.list().await.expect("listed").len(), MOST_LISTED);
    put(&dir, "new/1763702507.M1P97.host,S=1", "x");
    let refused = source.list().await;
    assert!(
        matches!(&refused, Err(SourceError::Refused(words)) if words.ends_with("more than 1000 messages")),
        "{refused:?}"
    );
}
