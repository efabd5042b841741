//! Bodies of the fuzz targets in `fuzz/`, and their replay over the committed corpus.
