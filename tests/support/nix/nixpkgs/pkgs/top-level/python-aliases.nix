lib: self: super: {
  gone = throw "gone was removed";
  py-scipy = self.scipy;
}
