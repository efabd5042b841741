use super::*;

#[test]
fn padding_is_taken_away_only_where_it_is_exact() {
    let padded = |len: usize| {
        let text = Text::new(&vec![0; len], Padding::Blocks, &mut Compressor::none()).unwrap();
        text.into_buffer().split_off(TEXT_AT)
    };
    for len in 0..70 {
        let text = padded(len);
        assert_eq!(text.len(), (len / PAD_TO + 1) * PAD_TO);
        assert_eq!(unpadded_len(&text), Some(len));

        // No mark, another mark, something after it, a block more, a byte less.
        for byte in [0, 0x81, 0x40] {
            let mut text = text.clone();
            text[len] = byte;
            assert_eq!(unpadded_len(&text), None);
        }
        if text.len() > len + 1 {
            let mut text = text.clone();
            *text.last_mut().unwrap() = 1;
            assert_eq!(unpadded_len(&text), None);
        }
        assert_eq!(unpadded_len(&[text.as_slice(), &[0; PAD_TO]].concat()), None);
        assert_eq!(unpadded_len(&text[..text.len() - 1]), None);
    }
    assert_eq!(unpadded_len(&[]), None);
}

#[test]
fn a_text_has_room_for_what_will_stand_around_it() {
    for padding in [Padding::None, Padding::Blocks] {
        for len in [0, 15, 16, 1000] {
            let text = Text::new(&vec![1; len], padding, &mut Compressor::none()).unwrap();
            let buffer = text.into_buffer();
            assert!(buffer.capacity() >= buffer.len() + TAG_LEN, "no reallocation for the tag");
        }
    }
}
