//! Paths, as they are written and as they may be read.

use super::text::Text;
use super::{Fit, Path, PathMatch, plain, settle};

#[test]
fn a_path_is_plain_if_readers_agree_about_it() {
    for plain in
        ["/", "/a", "/a/", "/a/b.c/d-e_f~", "/!$'()*,=:@", "/a...", "/..a", "/a:b", "/(a)(b)", "/((a"]
    {
        assert!(plain::is_plain(plain.as_bytes()), "{plain}");
    }
    for other in [
        "",
        "a",
        "//",
        "//a",
        "/a//",
        "/a//b",
        "/.",
        "/..",
        "/a/../b",
        "/a/.",
        "/./",
        "/%61",
        "/a%",
        "/a;b",
        "/a?b",
        "/a#b",
        "/a&b",
        "/a b",
        "/a\\b",
        "/a\"b",
        "/a+b",
        "/a<b",
        "/a[b",
        "/a{b",
        "/a|b",
        "/a^b",
        "/a`b",
        "/a\u{1}",
        "/a\u{7f}",
        "/\u{e9}",
        "/(S(x))/a",
        "/(a(",
        "/a::b",
        "/a::",
        "/a:$b",
        "/a:$",
    ] {
        assert!(!plain::is_plain(other.as_bytes()), "{other}");
    }
}

#[test]
fn whatever_can_be_decoded_is() {
    // A path, what comes out of it, and what that folds to.
    let table: &[(&str, &str, &str)] = &[
        ("/a", "/a", "/a"),
        ("/%61%7E", "/a~", "/a~"),
        ("/%2561", "/a", "/a"),
        ("/%252525252561", "/a", "/a"),
        ("/%2%35%36%31", "/a", "/a"),
        ("/%%36%31", "/a", "/a"),
        ("/%u0061%U002f", "/a/", "/a/"),
        ("/%u0025%75%30061", "/a", "/a"),
        ("/%%7500%361", "/a", "/a"),
        ("/%u00u0061%4u0061", "/%u00u0061%4u0061", "/%u00u0061%4u0061"),
        ("/%3%3%3%31", "/1", "/1"),
        ("/%4%4%41", "/%4J", "/%4J"),
        ("/%ud83d%u00e9", "/é", "/é"),
        ("/%", "/%", "/%"),
        ("/%6", "/%6", "/%6"),
        ("/%zz%u006", "/%zz%u006", "/%zz%u006"),
        ("/%C4%B0%c4%b1%C5%BF%E2%84%AA", "/İıſ\u{212A}", "/iisk"),
        ("/%EF%BC%81%EF%BC%BF%EF%BD%80%EF%BD%9E", "/！＿｀～", "/!_`~"),
        ("/%EF%BC%8561", "/％61", "/a"),
        ("/%u%EF%BC%90%uff10%61", "/%u００a", "/%u00a"),
        ("/%%EF%BC%97%EF%BC%93ms", "/%７３ms", "/sms"),
    ];
    for (path, plain, folded) in table {
        let settled = settle::settle(path.as_bytes());
        let letters = settle::fold(&settled).unwrap_or_else(|| settled.clone());
        let texts = [settled, letters].map(|text| String::from_utf8(text).unwrap());
        assert_eq!(texts, [*plain, *folded], "{path}");
    }
}

#[test]
fn some_paths_may_be_any() {
    let odd: [&[u8]; 11] = [
        b"/\xC0\xAF",
        b"/\xC1x",
        b"/\xE0\x80\xAF",
        b"/\xF0\x8F\xBF\xBF",
        b"/%\xFF73",
        b"/%7\x003",
        b"/%\\73",
        b"/%7\xC3\xA9\x013",
        b"/%u00\x0073",
        b"/%\x00u0073",
        b"/%\x00%\x01f",
    ];
    for path in odd {
        assert!(Text::new(path.to_vec()).is_none(), "{}", path.escape_ascii());
    }
    let others: [&[u8]; 8] =
        [b"/\xC3\xA9", b"/\xE0\xA0\x80", b"/\xC0", b"/%", b"/50% off", b"/%\xFF", b"/%\xFFz", b"/%7\\-"];
    for path in others {
        assert!(Text::new(path.to_vec()).is_some(), "{}", path.escape_ascii());
    }
}

/// What fits the paths of this table: `=` as it is written, `~` to some reader, `-` to none.
const FITS: &[(&str, &str, &str)] = &[
    ("exact /twilio/sms", "=", "/twilio/sms"),
    (
        "exact /twilio/sms",
        "~",
        "/Twilio/SMS /twilio/sms/ /twilio/sms.json /twilio/sms.php/x /twilio/sms/.json /twilio/sms/index /twilio./sms.. \
         /twilio/sms/index.html /twilio/sms/default.aspx /index.php/twilio/sms /index/twilio/sms /app.py/index/twilio/sms \
         /twilio.php/sms /twilio%2Fsms /twilio%252Fsms /%u0074wilio/sms /twilio\\sms /twi\\lio/sms /%20twilio/sms%0A \
         /twilio;a=%2Fb/sms /x/../twilio/sms /x/.%20./twilio/sms //h/twilio/sms /\\h/twilio/sms /x&q=twilio/sms \
         /twilio/sms%00.jpg /twilio/sms%26a /twilio/sms#x /twilio/sms%3Fx /twilio/sms%20/x /(S(x))/twilio/sms \
         /twilio::$DATA/sms /x%20HTTP/1.1%0D%0AGET%20/twilio/sms /http:%2F/h/twilio/sms /index%2Ftwilio/sms \
         /%EF%BD%94wilio/sm%C5%BF /twilio/%c3%a9sms /x/%C0%AE/y /x/%E0%81%B3 /x/%F0%80%81%B3 /x/%F8%80%80%81%B3 \
         /x/%FC%80%80%80%81%B3 /%2\u{1}e twilio/sms * /twilio%2Fsms/.json /twilio%2Fsms/index.php /twilio/-./sms%20",
    ),
    (
        "exact /twilio/sms",
        "-",
        "/ /twilio /sms /twilio/smsx /twilio/sms-x /twilio/sms/x /x/twilio/sms /twilio/x/sms /sms/twilio \
         /twilio/s/ms /twilio%2Fsms/x /twilio%2Fsms-x /twilio%2Fsmsx /x%2Ftwilio/sms /x%20twilio/sms /twilio-x%20/sms \
         /x-twilio%20/sms /twilio/%20x/sms /twilio/sm%20 /x/../sms/twilio /x/../y;z /api/v4/projects/g%2Fp/files/x%3By \
         /indexes/twilio/sms /caf%C3%A9/twilio/sms /50%25/twilio/sms /index.php/apps/twilio/sms /twilio/my-sms \
         /twilio/index.php/x/sms /twilio.x/sms /twiliosmsx /xtwiliosms /twilio-sms /app/index.php",
    ),
    // A script in a directory, which takes what is behind it for the path, and with what is before it.
    (
        "exact /twilio/sms",
        "~",
        "/twilio/index.php/sms /public/index.php/twilio/sms /twilio/index/sms /a/b/app.wsgi/twilio/sms.json \
         /x.php/y/z.php/twilio/app.cgi/sms /twilio/index.php/sms%20",
    ),
    // One whose name is cut off by its length, with no slash behind it.
    (
        "exact /twilio/sms",
        "~",
        "/index.phptwilio/sms /INDEX.PHPtwilio/sms /index.php%74wilio/sms /app/public/index.phptwilio/sms.json \
         /x.phpx/index.phptwilio%2Fsms /index.p%00hptwilio/sms /index.php-twilio/sms",
    ),
    (
        "exact /twilio/sms",
        "-",
        "/index.phpsms /index.phpx /index.phptwiliox/sms /xtwilio/sms /index.phtwilio/sms",
    ),
    ("exact /2fa/sms", "~", "/index.php2fa/sms"),
    (
        "exact /twilio/sms",
        "~",
        "/index-php/twilio/sms /indexxphp/twilio/sms /Index~PHP/twilio/sms /index%2dphp/twilio/sms /indexxphp%2Ftwilio/sms \
         /twilio/index_php/sms",
    ),
    ("exact /twilio/sms", "-", "/indexes-php/twilio/sms /index-ph/twilio/sms /indexphp/twilio/sms"),
    ("exact /a.pl/b/c", "~", "/b/c /a.pl.b.c /a.plb/c"),
    ("exact /phpa/b", "~", "/x/..;/phpa.b /.phpa.b"),
    // Where an application is mounted, cut off by its length.
    (
        "exact /app/twilio/sms",
        "~",
        "/static../app/twilio/sms /static..%2Fapp/twilio/sms /apptwilio/sms /app/twiliosms /apptwiliosms /APPtwilio/sms /app%74wilio/sms /app/x/..;/apptwilio/sms \
         /apptwilio/sms.json /index.php/apptwilio/sms",
    ),
    (
        "exact /app/twilio/sms",
        "-",
        "/apptwilio /twiliosms /appxtwilio/sms /apptwilio%20/smsx /xapptwilio%20/sms",
    ),
    ("exact /a.phpx/sms", "~", "/a.phpx/sms /A.PHPX/sms /index.phpa.phpx/sms"),
    ("exact /app/index.php/sms", "~", "/app/sms /sms /app/%73ms /x/index.php/sms /app/index.php/sms/"),
    ("exact /app/index.php/sms", "-", "/app /app/sms/x /x/sms /smsx"),
    // Frameworks that drop or write punctuation, and dots for slashes.
    (
        "exact /twilio/sms",
        "~",
        "/twilio/s-m-s /twilio/-sms /twilio/s_m_s /twilio/sms- /twi!lio/s~ms /twilio/%2Dsms /twilio/sms%2D /twilio/-sms%20 \
         /-twilio%20/sms /twilio-%20/sms /twilio.sms /twilio.sms.json /twilio.sms/",
    ),
    (
        "exact /twilio/sms-reply",
        "~",
        "/twilio/smsReply /twilio/sms--reply /twilio/s-m-s-reply /twilio/smsreply%20",
    ),
    ("exact /twilio/sms-reply", "-", "/twilio/sms /twilio/reply /twilio/sms/reply /twilio/smsreplyx"),
    (
        "prefix /twilio/sms",
        "=",
        "/twilio/sms /twilio/sms/ /twilio/sms/x /twilio/sms/%20 /twilio/sms/x%2Fy//z\\",
    ),
    (
        "prefix /twilio/sms",
        "~",
        "/twilio/SMS/x /twilio/sms.json/x /twilio%2Fsms/x /twilio/sms/.. /twilio/sms/x;y /twilio/sms/x&y /twilio/sms/%C0%AE \
         /twilio/sms%20x /twilio/sms%2Fx /twilio/sms/index.php/%20",
    ),
    ("prefix /twilio/sms", "-", "/twilio /twilio/smsx /twilio/smsx/y /twilio/sms-x%20 /twilio/x/%20sms"),
    (
        "prefix /twilio/sms",
        "~",
        "/twilio/sms/index.php/x /twilio/sms/a/b.cgi/x /twilio/sms.segments/_tree.segment.rsc",
    ),
    ("prefix /", "=", "/ /x /x%20 /x.php"),
    ("prefix /", "~", "/x;y //x *"),
    ("exact /", "=", "/"),
    ("exact /", "~", "/index.php /INDEX /index.php/x /default.aspx // /%20 /./ /x/.. /x;y"),
    ("exact /", "-", "/x /x/ /x%20 /x/y%20"),
    ("exact /sms.php", "~", "/sms /SMS.php /sms.php/x /sms%2Ephp/x /sms/x /sms.json /x/../sms"),
    ("exact /sms.php", "-", "/ /x.php /smsx /x%20sms"),
    ("exact /sms/index.php", "~", "/sms /sms/ /sms/index /sms/index.php/x /sms/INDEX.php /sms%20"),
    ("exact /sms/index.php", "-", "/ /sms/x /smsx /sms%2Fx"),
    ("exact /index.php/sms", "~", "/sms /index.php/sms.json /x.php/sms"),
    ("exact /voice.xml", "~", "/voice /voice.json /voice/ /voice%20"),
    ("exact /sms.action", "~", "/sms /sms.ACTION /sms%20"),
    ("exact /twilio.status", "-", "/twilio /twilio.sms"),
    ("exact /v1.2", "-", "/v1 /v1.3 /v1.3%20"),
    ("exact /", "~", "/x:80 /x:99999 /abc/users:1 /x:0/twilio/sms"),
    ("exact /index.php", "~", "/x:80 /x%20:80"),
    ("prefix /", "=", "/x:80"),
    ("exact /", "-", "/x: /x:8a /x:a80 /x/80 /80"),
    ("exact /sms", "-", "/x:80 /x:80/y"),
    (
        "exact /hooks/twilio/sms",
        "~",
        "/hooks/twilio:sms /hooks/twilio:sms/ /hooks:twilio:sms /hooks/twilio%3Asms",
    ),
    ("exact /hooks/twilio/sms", "-", "/hooks/twilio:smsx /hooks/twilio:x/sms /hooks/:sms"),
    ("exact /twilio/status", "~", "/twilio/%EF%AC%86atus /twilio/%EF%AC%85ATUS /twilio/%EF%AC%00%86atus"),
    ("exact /access", "~", "/acce%C3%9F /ACCE%E1%BA%9E"),
    ("exact /office/flow/file/baffle", "~", "/o%EF%AC%83ce/%EF%AC%82ow/%EF%AC%81le/ba%EF%AC%84e"),
    ("exact /off", "~", "/o%EF%AC%80"),
    ("exact /off", "-", "/o%EF%AC%81 /o%C3%9F /o%EF%AC%87"),
    (
        "exact /twilio/sms",
        "~",
        "/%25%D9%A7%D9%A4wilio/sms /%257%D9%A4wilio/sms /%25u007%D9%A4wilio/sms /%EF%BC%85%D9%A7%D9%A4wilio/sms",
    ),
    ("exact /twilio/sms", "-", "/100%25%C3%A9/x /x%25%C3%A9 /%D9%A7%D9%A4wilio"),
    // Digits of Jetty's, which goes on behind a question mark as well.
    (
        "exact /twilio/sms",
        "~",
        "/twilio/s%6=s /tw%6@lio/sms /tw%6`lio/sms /twi%6<io/sms /public/%2>%2>/twilio/sms /twi%256<io/sms /twi%u006<io/sms \
         /twilio% /twilio%2 /x%u /x%u00 /x%u007",
    ),
    // What Next.js takes from before a path.
    (
        "exact /twilio/sms",
        "~",
        "/_next/data/b/twilio/sms.json /_next/data/b/twilio/sms /twilio/_next/data/b/sms.json /x/_next/data/b/twilio/sms.json \
         /_next%2Fdata/b/twilio/sms.json /_next/data/b/twilio/s%6Ds",
    ),
    (
        "exact /twilio/sms",
        "-",
        "/_next/data/b/index.json /_next/static/twilio/sms /_next/twilio/sms /next/data/b/twilio/sms /_next/data/twilio/sms",
    ),
    ("prefix /_next", "=", "/_next /_next/image /_next/static/x.js /_next/data/b"),
    ("prefix /_next", "~", "/_next/data/b/twilio/sms.json"),
    ("exact /twilio/sms", "-", "/50%25 /x%2g /%u0020 /%41 /x:y%20 /50%25%3Adeploy/x /50%25;a/x"),
    ("exact /sms_in", "~", "/sms-in /sms.in /sms%20in /sms_in/ /smsin%20 /smsin /smsIn"),
    ("exact /sms_in", "-", "/sms/in%20 /sms_inx /smsinx"),
    ("exact /_sms_", "~", "/_sms_%20 /%5Fsms%5F /x/../_sms_ /~sms~ /sms"),
    ("exact /_sms_", "-", "/smsx /x_sms_%20y"),
    ("exact /caf%C3%A9", "=", "/caf%C3%A9"),
    ("exact /caf%C3%A9", "~", "/caf%c3%a9 /caf%C3%A8 /x/../caf%C3%A9/ /caf%20 /caf%C3%A9x /caf"),
    ("exact /caf%C3%A9", "-", "/cafe /x/caf%C3%A9"),
    ("prefix /a/", "=", "/a /a/b"),
    ("exact /a/", "=", "/a/"),
    ("exact /a/", "~", "/a /A/"),
];

#[test]
fn a_path_fits_as_it_is_written_or_to_some_reader_or_to_none() {
    let mut wrong = Vec::new();
    for (guard, expected, paths) in FITS {
        let (kind, guard) = guard.split_once(' ').unwrap();
        let matcher = PathMatch::new(guard.as_bytes(), kind == "prefix", false).unwrap();
        for path in paths.split(' ') {
            let fit = match matcher.fit(&Path::new(path.as_bytes(), false)) {
                Fit::No => "-",
                Fit::Maybe => "~",
                Fit::Yes => "=",
            };
            if fit != *expected {
                wrong.push(format!("{kind} {guard} {path}: {fit}, not {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// If what may be taken away were tried in all combinations, this would not end.
#[test]
fn a_path_of_nothing_but_words_that_may_be_taken_away_is_read_once() {
    let guard = PathMatch::new(b"/a/a/a/a/a/a/a/b", false, false).unwrap();
    for segment in [
        "a.php/",
        "a.php/a.a.a.a.a.a.a.php/",
        "a.a.a.a.a.a.a.a/",
        "index/a.php/",
        "a.",
        "a:",
        "_next/data/a.php/",
    ] {
        let path = ["/", &segment.repeat(60_000 / segment.len())].concat();
        assert_eq!(guard.fit(&Path::new(path.as_bytes(), false)), Fit::No, "{segment}");
        let path = [path.as_str(), "b"].concat();
        guard.fit(&Path::new(path.as_bytes(), false));
    }
}

/// Of longer ones the beginning is looked for.
#[test]
fn a_path_may_have_more_segments_than_are_counted() {
    let path = "/a".repeat(200);
    let guard = PathMatch::new(path.as_bytes(), false, false).unwrap();
    for (path, expected) in [
        (path.clone(), Fit::Yes),
        (path.to_uppercase(), Fit::Maybe),
        ("/a".repeat(63), Fit::Maybe),
        ("/a".repeat(62), Fit::No),
        ("/b".repeat(200), Fit::No),
    ] {
        assert_eq!(guard.fit(&Path::new(path.as_bytes(), false)), expected, "{path}");
    }
}

#[test]
fn case_makes_no_difference_where_it_is_ignored() {
    let fit = |ignore_case, path: &str| {
        PathMatch::new(b"/Hook", true, ignore_case).unwrap().fit(&Path::new(path.as_bytes(), false))
    };
    assert_eq!((fit(true, "/hOOK/x"), fit(false, "/hOOK/x")), (Fit::Yes, Fit::Maybe));
    assert_eq!((fit(true, "/hOOK/%20"), fit(false, "/hOOK/%20")), (Fit::Yes, Fit::Maybe));
}

#[test]
fn where_the_root_may_be_moved_a_path_may_be_any() {
    let matcher = PathMatch::new(b"/hook", true, false).unwrap();
    for path in ["/hook", "/hook/x", "/x", "/x/..", ""] {
        assert_eq!(matcher.fit(&Path::new(path.as_bytes(), true)), Fit::Maybe, "{path}");
    }
}

#[test]
fn a_path_that_may_be_read_as_another_guards_nothing() {
    for path in
        ["/a;b", "/a%3Bb", "/a&b", "//a", "/a/../b", "/a%0A", "/a%C0%AE", "/a/(S(x))/b", "/index.php/a%20"]
    {
        assert!(PathMatch::new(path.as_bytes(), false, false).is_none(), "{path}");
    }
    for path in ["/", "/a", "/a=b", "/a%20b", "/a//b", "/a/./b", "/index.php/a", "/caf%C3%A9"] {
        assert!(PathMatch::new(path.as_bytes(), false, false).is_some(), "{path}");
    }
}

#[test]
fn a_path_covers_another_as_it_is_written_or_to_some_reader() {
    // A path, a prefix or not, ignoring case or not; another; does it cover that one, and may it.
    type Side = (&'static str, bool, bool);
    let table: &[(Side, Side, bool, bool)] = &[
        (("/a", true, false), ("/a", true, false), true, true),
        (("/a", true, false), ("/a/b", false, false), true, true),
        (("/a", true, false), ("/ab", false, false), false, false),
        (("/a", false, false), ("/a", true, false), false, false),
        (("/a/b", true, false), ("/a", true, false), false, false),
        (("/a", true, false), ("/A", true, false), false, true),
        (("/a", true, true), ("/A", true, false), true, true),
        (("/a", true, true), ("/A", true, true), true, true),
        (("/a", true, false), ("/a", true, true), false, true),
        (("/", true, false), ("/a", true, true), true, true),
        (("/1", true, false), ("/1", true, true), true, true),
        (("/a", false, false), ("/a/", false, false), false, true),
        (("/a", true, false), ("/%61/b", true, false), false, true),
        (("/a.json", false, false), ("/a", false, false), false, true),
    ];
    for (own, other, covers, may_cover) in table {
        let [a, b] = [own, other].map(|(path, is_prefix, ignore_case)| {
            PathMatch::new(path.as_bytes(), *is_prefix, *ignore_case).unwrap()
        });
        assert_eq!((a.covers(&b), a.may_cover(&b)), (*covers, *may_cover), "{own:?} {other:?}");
    }
}
