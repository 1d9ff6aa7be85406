for number in {1..3000}; do : > $number; done
