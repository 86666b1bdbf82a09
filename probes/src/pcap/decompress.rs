//! A file's bytes, decompressed where they are compressed.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Chain, Cursor, Read, Seek, SeekFrom};

use flate2::bufread::MultiGzDecoder;

const GZIP: [u8; 2] = [0x1f, 0x8b];
/// RFC 8878 §3.1.1.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// RFC 8878 §3.1.2, its first byte 0x50 to 0x5f: parallel compressors put such a frame first.
const ZSTD_SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];

/// What a capture is wrapped in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Nothing.
    #[default]
    None,
    /// gzip, of one member or several.
    Gzip,
    /// Zstandard, of one frame or several.
    Zstd,
}

impl Compression {
    /// By a file's first bytes.
    fn of(head: &[u8]) -> Self {
        match head {
            head if head.starts_with(&GZIP) => Self::Gzip,
            head if head.starts_with(&ZSTD) => Self::Zstd,
            [0x50..=0x5f, rest @ ..] if rest.starts_with(&ZSTD_SKIPPABLE) => Self::Zstd,
            _ => Self::None,
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "uncompressed",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// A stream of a capture's bytes.
///
/// What it reads from is behind a pointer, which costs nothing: it is asked for big chunks.
pub(super) enum Source {
    Plain(Head),
    Gzip(Box<MultiGzDecoder<BufReader<Head>>>),
    Zstd(Box<zstd::Decoder<'static, BufReader<Head>>>),
}

/// The first bytes, put back in front of the others.
type Head = Chain<Cursor<Vec<u8>>, Counted>;

/// Counts what is read from a file.
pub(super) struct Counted {
    stream: Box<dyn Read + Send>,
    read: u64,
}

impl Source {
    /// Looks at the first bytes of `stream` and wraps it as they say.
    pub fn new(stream: Box<dyn Read + Send>) -> io::Result<Self> {
        const COMPRESSED_CHUNK: usize = 64 << 10;
        let mut stream = Counted { stream, read: 0 };
        let mut head = Vec::new();
        stream.by_ref().take(ZSTD.len() as u64).read_to_end(&mut head)?;
        let compression = Compression::of(&head);
        let stream = Cursor::new(head).chain(stream);
        Ok(match compression {
            Compression::None => Self::Plain(stream),
            Compression::Gzip => {
                let stream = BufReader::with_capacity(COMPRESSED_CHUNK, stream);
                Self::Gzip(Box::new(MultiGzDecoder::new(stream)))
            }
            Compression::Zstd => {
                let stream = BufReader::with_capacity(COMPRESSED_CHUNK, stream);
                Self::Zstd(Box::new(zstd::Decoder::with_buffer(stream)?))
            }
        })
    }

    /// Goes on at `position` of a file's decompressed bytes.
    pub fn resume(mut file: File, compression: Compression, position: u64) -> io::Result<Self> {
        if compression == Compression::None {
            file.seek(SeekFrom::Start(position))?;
            let stream = Counted { stream: Box::new(file), read: position };
            return Ok(Self::Plain(Cursor::default().chain(stream)));
        }
        let mut source = Self::new(Box::new(file))?;
        io::copy(&mut source.by_ref().take(position), &mut io::sink())?;
        Ok(source)
    }

    pub fn compression(&self) -> Compression {
        match self {
            Self::Plain(_) => Compression::None,
            Self::Gzip(_) => Compression::Gzip,
            Self::Zstd(_) => Compression::Zstd,
        }
    }

    /// Bytes read so far from the file itself.
    pub fn bytes_read(&self) -> u64 {
        let (_, counted) = match self {
            Self::Plain(stream) => stream.get_ref(),
            Self::Gzip(decoder) => decoder.get_ref().get_ref().get_ref(),
            Self::Zstd(decoder) => decoder.get_ref().get_ref().get_ref(),
        };
        counted.read
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A decompressor that meets damage keeps back what it decoded in that very call.
        const DECOMPRESSED_CHUNK: usize = 16 << 10;
        let few = buffer.len().min(DECOMPRESSED_CHUNK);
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Gzip(decoder) => decoder.read(buffer.get_mut(..few).unwrap_or_default()),
            Self::Zstd(decoder) => decoder.read(buffer.get_mut(..few).unwrap_or_default()),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("compression", &self.compression())
            .field("bytes_read", &self.bytes_read())
            .finish_non_exhaustive()
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.stream.read(buffer)?;
        self.read += length as u64;
        Ok(length)
    }
}
