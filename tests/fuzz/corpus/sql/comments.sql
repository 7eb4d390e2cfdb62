select /* a /* nested */ b */ 1 -- end
 from t