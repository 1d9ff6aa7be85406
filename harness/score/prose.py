"""Kinds `voice` and `summary`: a text against rules, each a pure checker that tells its spans. Nothing is run.

settings      `source`: names of files/ whose texts the answer may draw on; default: the whole prompt, system and turns
cases.json    `give` is {}; `expect` is {"rule": name, ...}:
    no_em_dash                              neither U+2014, nor U+2013 or `--` between spaces
    no_phrases  phrases [texts]             none of these, as whole words in any case
    no_emoji, no_hashtags, no_lists, no_headings, no_first_person, no_exclamation, no_links, no_questions
    no_new_numbers  allowed [texts]         no number that is not in the source (1,200 = 1200; "three" = 3), nor allowed
    no_new_names    allowed [texts]         no capitalised name (not at a sentence's start) that is not in the source
    words, sentences, paragraphs, characters    min, max (either may be left out)
    sentence_words  max                     no sentence of more words
    says    any [texts], section            one of these stands in the text, or in that section; * at the end of a text
                                            stands for any ending of its word
    avoids  any [texts], unless [texts]     none of these stands in a sentence that holds none of `unless`
    sections  titles [texts]                exactly these headings, in this order, each with text below it
    starts, ends  any [texts]               the text starts (ends) with one of these
checks        one a case; strict, as the text was written
facts         loose: the checks that pass for one of: first line dropped, last line dropped, both, and each with * and _
              marks taken out; loose_passed; strict_passed; words; for `summary` also facts_kept, facts_total,
              superseded, new_numbers, new_names
An empty text is no answer.
"""
