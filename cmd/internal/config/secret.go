package config

import (
	"fmt"
)

// maxSecretFile is the largest file that a secret is read from. One that is larger is not what was meant.
const maxSecretFile = 16 << 10

// resolveFile replaces a secret by what the file at path+"_file" holds, read as a variable's text would be. Naming both is
// refused: which of the two counts would be a guess.
func (l *loader) resolveFile(path, value, file string) string {
	if file == "" {
		return value
	}
	if value != "" {
		l.complain("%s (%s) and %s_file are both set; remove one", path, l.origins[path], path)
		return value
	}
	secret, err := readSecret(path, file)
	if err != nil {
		l.complain("%s_file: %v", path, err)
		return value
	}
	return secret // not among the values: what is printed names the file
}

func readSecret(path, file string) (string, error) {
	b, err := readUpTo(file, maxSecretFile)
	if err != nil {
		return "", err
	}
	if len(b) > maxSecretFile {
		return "", fmt.Errorf("%s is longer than %d bytes, which no secret is; write nothing else into it", file, maxSecretFile)
	}
	k, _ := lookup(path)
	secret := k.trim(string(b))
	if secret == "" {
		return "", fmt.Errorf("%s is empty; write the secret into it", file)
	}
	return secret, nil
}
